/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decompress(): streams are made by gzip, xz, zstd and lz4 while the test runs, from data of
 * several kinds and sizes, and must come back; cut or damaged, they must be refused or come back,
 * and never lead outside the buffers. All buffers have their exact size on the heap, for the
 * sanitizer to watch.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "errno.h"
#include "lib/decompress.h"
#include "lib/string.h"

struct buffer {
    u8 *data;
    size_t size;
};

/* How a stream is made, and what it promises. */
struct packer {
    const char *command;
    bool verified; /* damage is noticed: the data is covered by a check */
    bool slow;     /* not for large data */
};

static const struct packer packers[] = {
    {"gzip -n -1", true, false},
    {"gzip -n -9", true, false},
    {"xz -T1 -0", true, false},
    {"xz -T1 -6 --check=crc32", true, false},
    {"xz -T1 -9e --check=none", false, true},
    {"xz -T1 --check=sha256 --lzma2=preset=1,lc=0,lp=4,pb=0", true, false},
    {"xz -T1 --check=crc32 --lzma2=preset=6,lc=1,lp=3,pb=4", true, false},
    {"xz -T1 --check=crc32 --x86 --lzma2=preset=6", true, false},
    {"xz -T2 --block-size=40000 --check=crc64 --x86 --lzma2=preset=2", true, false},
    {"zstd -q --fast=4", true, false},
    {"zstd -q -3", true, false},
    {"zstd -q -19 --no-check", false, false},
    {"zstd -q --ultra -22", true, true},
    {"lz4 -q -l -1", false, false},
    {"lz4 -q -l -9", false, false},
    {"lz4 -q -1 -B4 -BD", true, false},
    {"lz4 -q -9 -BX --content-size", true, false},
};

enum kind { ZEROS, RANDOM, TEXT, CODE, BRANCHES, KINDS };

static const size_t sizes[] = {0, 1, 2, 5, 17, 300, 5000, 70000, 400000};
/* With the sanitizers, a million bytes take a second. */
#define SIZE_LARGE 2500000 /* several chunks of LZMA2 */
#define SIZE_BLOCK 9000000 /* more than a legacy block of lz4 */

static char directory[] = "/tmp/test_decompress.XXXXXX";
static u64 random_state;
static void *scratch;

/* xorshift64*: the same sequence in each run. */
static u32 random_u32(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (u32)(random_state * 0x2545F4914F6CDD1Dull >> 32);
}

static struct buffer buffer_new(size_t size)
{
    struct buffer b = {malloc(size), size};

    assert_true(size == 0 || b.data);
    return b;
}

static struct buffer file_read(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct buffer b;

    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    b = buffer_new((size_t)ftell(f));
    rewind(f);
    assert_int_equal(fread(b.data, 1, b.size, f), b.size);
    fclose(f);
    return b;
}

/* Data of this kind and size; to be freed. */
static struct buffer data_make(enum kind kind, size_t size)
{
    static const char *const words[] = {"house ", "domain ", "frame ", "of ",
                                        "the ",   "guest\n", "1"};
    static const u8 branch_bytes[] = {0xE8, 0xE9, 0x00, 0xFF, 0xE8, 0x01, 0xFE, 0x7F};
    struct buffer b = buffer_new(size), code = {0};
    size_t at = 0;

    if (kind == CODE)
        code = file_read("/proc/self/exe");
    while (at < size) {
        const char *word = words[random_u32() % ARRAY_SIZE(words)];

        switch (kind) {
        case ZEROS:
            b.data[at++] = 0;
            break;
        case RANDOM:
            b.data[at++] = (u8)random_u32();
            break;
        case TEXT:
            while (*word && at < size)
                b.data[at++] = (u8)*word++;
            break;
        case CODE:
            b.data[at] = code.data[at % code.size];
            at++;
            break;
        default:
            b.data[at++] = random_u32() % 3 ? branch_bytes[random_u32() % ARRAY_SIZE(branch_bytes)]
                                            : (u8)random_u32();
        }
    }
    free(code.data);
    return b;
}

/* The stream that the tool makes of data; to be freed. */
static struct buffer data_pack(const struct packer *packer, struct buffer data)
{
    char command[256], path[64];
    struct buffer packed_data;
    FILE *f;

    snprintf(path, sizeof(path), "%s/in", directory);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data.data, 1, data.size, f), data.size);
    fclose(f);
    snprintf(command, sizeof(command), "%s -c %s/in >%s/out", packer->command, directory,
             directory);
    if (system(command) != 0)
        fail_msg("cannot run: %s", command);
    snprintf(path, sizeof(path), "%s/out", directory);
    packed_data = file_read(path);
    return packed_data;
}

/* decompress() with an output buffer of out_size bytes. What it gave is in *out, to be freed. */
static int unpack(struct buffer in, size_t out_size, struct buffer *out)
{
    struct buffer exact = buffer_new(in.size);
    const char *why = NULL;
    int error;

    memcpy(exact.data, in.data, in.size);
    *out = buffer_new(out_size);
    error = decompress(exact.data, exact.size, out->data, out_size, &out->size, scratch,
                       DECOMPRESS_SCRATCH_SIZE, &why);
    assert_true(error <= 0);
    if (error)
        assert_non_null(why);
    free(exact.data);
    return error;
}

static bool unpacks_to(struct buffer in, struct buffer data)
{
    struct buffer out;
    bool same = unpack(in, data.size, &out) == 0 && out.size == data.size &&
                memcmp(out.data, data.data, data.size) == 0;

    free(out.data);
    return same;
}

static int unpack_error(struct buffer in, size_t out_size)
{
    struct buffer out;
    int error = unpack(in, out_size, &out);

    free(out.data);
    return error;
}

static void round_trip(const struct packer *packer, enum kind kind, size_t size)
{
    struct buffer data = data_make(kind, size);
    struct buffer in = data_pack(packer, data);
    struct buffer longer = buffer_new(in.size + 4);

    if (!unpacks_to(in, data))
        fail_msg("%s: kind %d, size %zu does not come back", packer->command, kind, size);
    if (size > 0 && size < SIZE_LARGE)
        assert_int_equal(unpack_error(in, size - 1), -ENOSPC);

    /* As in a bzImage: followed by the unpacked size. */
    memcpy(longer.data, in.data, in.size);
    memcpy(longer.data + in.size, &(u32){(u32)size}, 4);
    if (size < SIZE_LARGE)
        assert_true(unpacks_to(longer, data));

    free(longer.data);
    free(in.data);
    free(data.data);
}

static bool is_legacy(const struct packer *packer)
{
    return strncmp(packer->command, "lz4 -q -l", 9) == 0;
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(packers); p++) {
        for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
            /* lz4's legacy frame of nothing is a magic number, which is as good as truncated. */
            if (sizes[s] == 0 && is_legacy(&packers[p]))
                continue;
            for (enum kind kind = 0; kind < (sizes[s] == 0 ? 1 : KINDS); kind++)
                round_trip(&packers[p], kind, sizes[s]);
        }
    }
}

static void test_round_trip_large(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(packers); p++) {
        if (!packers[p].slow)
            round_trip(&packers[p], CODE, is_legacy(&packers[p]) ? SIZE_BLOCK : SIZE_LARGE);
    }
    round_trip(&packers[14], ZEROS, 2 * MIB(8)); /* legacy lz4: only full blocks */
}

/* Each proper beginning of a stream is refused. */
static void test_truncated(void **state)
{
    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(packers); p++) {
        for (enum kind kind = RANDOM; kind <= TEXT; kind++) {
            struct buffer data = data_make(kind, kind == TEXT ? 3000 : 200);
            struct buffer in = data_pack(&packers[p], data);

            for (size_t size = 0; size < in.size; size++) {
                int error = unpack_error((struct buffer){in.data, size}, data.size + 100);

                if (error == 0)
                    fail_msg("%s: accepts %zu of %zu bytes", packers[p].command, size, in.size);
                assert_int_equal(error, size < 6 && error == -EINVAL ? -EINVAL : -EBADMSG);
            }
            free(in.data);
            free(data.data);
        }
    }
}

/* Damages one place of a copy of in: a bit, a byte, or a few bytes. */
static struct buffer damage(struct buffer in)
{
    struct buffer b = buffer_new(in.size);
    u32 how = random_u32() % 4;
    size_t at = random_u32() % in.size;

    memcpy(b.data, in.data, in.size);
    if (how < 2) {
        b.data[at] ^= (u8)(1u << random_u32() % 8);
    } else {
        for (u32 i = 0; i < (how == 2 ? 1 : 6) && at + i < b.size; i++)
            b.data[at + i] = (u8)random_u32();
    }
    return b;
}

/* DECOMPRESS_ROUNDS damages each stream so many times: more for a long search. */
static void test_damaged(void **state)
{
    const char *wanted = getenv("DECOMPRESS_ROUNDS");
    int rounds = wanted ? atoi(wanted) : 100;

    (void)state;
    for (size_t p = 0; p < ARRAY_SIZE(packers); p++) {
        for (int round = 0; round < 4; round++) {
            enum kind kind = round == 3 ? RANDOM : (enum kind)(TEXT + round);
            struct buffer data = data_make(kind, round == 3 ? 500 : 12000);
            struct buffer in = data_pack(&packers[p], data);

            for (int i = 0; i < rounds; i++) {
                struct buffer bad = damage(in), out;
                int error = unpack(bad, data.size + (i % 2) * 50, &out);

                if (error == 0 && packers[p].verified)
                    assert_true(out.size == data.size &&
                                memcmp(out.data, data.data, data.size) == 0);
                free(out.data);
                free(bad.data);
            }
            free(in.data);
            free(data.data);
        }
    }
}

static int unpack_literal(const char *bytes, size_t size)
{
    return unpack_error((struct buffer){(u8 *)bytes, size}, 100);
}

static void test_refused(void **state)
{
    const char *why = NULL;
    u8 out[16];
    size_t out_len = 77;

    (void)state;
    assert_int_equal(unpack_literal("", 0), -EINVAL);
    assert_int_equal(unpack_literal("\x1F", 1), -EINVAL);
    assert_int_equal(unpack_literal("plain text", 10), -EINVAL);
    assert_int_equal(unpack_literal("BZh91AY&SY", 10), -EOPNOTSUPP);
    assert_int_equal(unpack_literal("\x5D\0\0\x80\0\xFF\xFF\xFF\xFF", 9), -EOPNOTSUPP);
    assert_int_equal(unpack_literal("\x89LZO\0\r\n", 7), -EOPNOTSUPP);

    assert_int_equal(decompress("\x1F\x8B", 2, out, sizeof(out), &out_len, scratch,
                                DECOMPRESS_SCRATCH_SIZE - 1, &why),
                     -EINVAL);
    assert_non_null(why);
    assert_int_equal(decompress("\x1F\x8B", 2, out, sizeof(out), &out_len, (u8 *)scratch + 1,
                                DECOMPRESS_SCRATCH_SIZE, &why),
                     -EINVAL);
    assert_int_equal(out_len, 77);
}

/* Valid streams with what is not supported, or with what the tools do not write. */
static void test_odd_streams(void **state)
{
    static const struct packer arm = {"xz -T1 --arm --lzma2=preset=1", true, false};
    static const struct packer delta = {"xz -T1 --delta=dist=4 --lzma2=preset=1", true, false};
    struct buffer data = data_make(CODE, 5000);
    struct buffer in = data_pack(&arm, data);

    (void)state;
    assert_int_equal(unpack_error(in, data.size), -EOPNOTSUPP);
    free(in.data);
    in = data_pack(&delta, data);
    assert_int_equal(unpack_error(in, data.size), -EOPNOTSUPP);
    free(in.data);
    free(data.data);

    /* gzip with every optional field; deflate's fixed code for "a", and a stored block. */
    static const char fields[] = "\x1F\x8B\x08\x1E\0\0\0\0\0\xFF\x03\0xyzname\0comment\0\0\0"
                                 "\x4B\x04\0\x43\xBE\xB7\xE8\x01\0\0\0";
    static const char stored[] = "\x1F\x8B\x08\0\0\0\0\0\0\xFF\x01\x01\0\xFE\xFF"
                                 "a\x43\xBE\xB7\xE8\x01\0\0\0";
    struct buffer a = {(u8 *)"a", 1};
    assert_true(unpacks_to((struct buffer){(u8 *)fields, sizeof(fields) - 1}, a));
    assert_true(unpacks_to((struct buffer){(u8 *)stored, sizeof(stored) - 1}, a));
}

static int setup(void **state)
{
    (void)state;
    random_state = 0x9E3779B97F4A7C15ull;
    scratch = malloc(DECOMPRESS_SCRATCH_SIZE);
    return scratch && mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    free(scratch);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_round_trip_large),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_odd_streams),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
