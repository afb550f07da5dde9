/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel inside a boot module: bzImages, and ELF files that gzip, xz, zstd and lz4 pack while
 * the test runs. Files have their exact size on the heap, for the sanitizer to watch.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "errno.h"
#include "lib/decompress.h"
#include "lib/kernel_image.h"
#include "lib/string.h"

#define FILE_SIZE 7000

/* A module, or what is packed into it. */
struct file {
    u8 *file;
    size_t size;
};

/* Something that begins as an ELF file does; nobody here looks further. */
static struct file elf_make(void)
{
    struct file k = {.file = calloc(1, FILE_SIZE), .size = FILE_SIZE};

    assert_non_null(k.file);
    for (size_t i = FILE_SIZE / 2; i < FILE_SIZE; i++)
        k.file[i] = (u8)(i * 7);
    memcpy(k.file,
           "\x7F"
           "ELF\2\1\1",
           7);
    return k;
}

/* A bzImage with this payload behind 2 sectors of setup. */
static struct file bzimage_make(const u8 *payload, size_t size)
{
    struct file b = {.size = 3 * 512 + 100 + size};

    b.file = calloc(1, b.size);
    assert_non_null(b.file);
    b.file[0x1F1] = 2;
    memcpy(b.file + 0x1FE, "\x55\xAA", 2);
    memcpy(b.file + 0x202, "HdrS", 4);
    memcpy(b.file + 0x206, &(u16){0x20F}, 2);
    memcpy(b.file + 0x248, &(u32){100}, 4);
    memcpy(b.file + 0x24C, &(u32){(u32)size}, 4);
    memcpy(b.file + 3 * 512 + 100, payload, size);
    return b;
}

static int source_error(const struct file *module)
{
    struct kernel_source source;
    const char *why = NULL;
    int error = kernel_source_find(module->file, module->size, &source, &why);

    if (error)
        assert_non_null(why);
    return error;
}

/* The file as the command packs it, to which its path is given. */
static struct file pack(const struct file *k, const char *packer)
{
    char path[] = "/tmp/test_kernel_image.XXXXXX", command[100];
    struct file g = {.file = malloc(2 * k->size + 100)};
    int fd = mkstemp(path);
    FILE *f;

    assert_true(g.file && fd >= 0);
    assert_int_equal(write(fd, k->file, k->size), k->size);
    close(fd);
    snprintf(command, sizeof(command), "%s %s", packer, path);
    f = popen(command, "r");
    assert_non_null(f);
    g.size = fread(g.file, 1, 2 * k->size + 100, f);
    assert_int_equal(pclose(f), 0);
    unlink(path);
    g.file = realloc(g.file, g.size);
    assert_non_null(g.file);
    return g;
}

static void test_bzimage(void **state)
{
    struct file k = elf_make(), g = pack(&k, "gzip -nc"), b = bzimage_make(g.file, g.size);
    u8 *out = malloc(k.size), *scratch = malloc(DECOMPRESS_SCRATCH_SIZE);
    struct kernel_source source;
    const char *why = NULL;

    (void)state;
    assert_int_equal(kernel_source_find(b.file, b.size, &source, &why), 0);
    assert_true(source.format == KERNEL_FORMAT_BZIMAGE && source.compressed);
    assert_int_equal(source.unpacked_size, k.size);
    assert_int_equal(kernel_source_unpack(&source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why), 0);
    assert_memory_equal(out, k.file, k.size);

    /* The size noted is wrong, if gzip itself does not notice. */
    source.unpacked_size--;
    assert_int_equal(kernel_source_unpack(&source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why),
                     -ENOSPC);
    free(out);
    out = malloc(k.size + 1);
    source.unpacked_size = k.size + 1;
    assert_int_equal(kernel_source_unpack(&source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why),
                     -EBADMSG);
    free(b.file);

    b = bzimage_make(k.file, k.size); /* not compressed */
    assert_int_equal(kernel_source_find(b.file, b.size, &source, &why), 0);
    assert_true(!source.compressed && source.size == k.size && source.unpacked_size == k.size);
    free(b.file);
    assert_int_equal(kernel_source_find(k.file, k.size, &source, &why), 0);
    assert_true(source.format == KERNEL_FORMAT_ELF && source.data == k.file && !source.compressed);
    free(scratch);
    free(out);
    free(g.file);
    free(k.file);
}

static void test_wrong_bzimage(void **state)
{
    u8 payload[64] = {0x1F, 0x8B};
    struct file b = bzimage_make(payload, sizeof(payload));

    (void)state;
    assert_int_equal(source_error(&b), 0);
    b.size--;
    assert_int_equal(source_error(&b), -ENOEXEC);
    b.size++;
    memcpy(b.file + 0x248, &(u32){~0u}, 4);
    assert_int_equal(source_error(&b), -ENOEXEC);
    memcpy(b.file + 0x248, &(u32){100}, 4);
    memcpy(b.file + 0x24C, &(u32){3}, 4);
    assert_int_equal(source_error(&b), -ENOEXEC);
    memcpy(b.file + 0x24C, &(u32){sizeof(payload)}, 4);
    b.file[0x1F1] = 0; /* stands for 4 sectors: beyond this file */
    assert_int_equal(source_error(&b), -ENOEXEC);
    b.file[0x1F1] = 2;
    memcpy(b.file + 0x206, &(u16){0x207}, 2);
    assert_int_equal(source_error(&b), -EOPNOTSUPP);
    memcpy(b.file + 0x206, &(u16){0x20F}, 2);
    b.file[0x202] = 'h';
    assert_int_equal(source_error(&b), -ENOEXEC);
    for (size_t size = 0; size < b.size; size += 16) {
        struct file cut = {.file = malloc(size), .size = size};

        memcpy(cut.file, b.file, size);
        assert_int_equal(source_error(&cut), -ENOEXEC);
        free(cut.file);
    }
    free(b.file);
}

/* A module that is an ELF file, packed as a whole: what tells its size, each format has elsewhere.
 */
static void test_packed(void **state)
{
    static const char *const packers[] = {
        "gzip -nc",
        "gzip -c -9",
        "xz -c",
        "xz -c --check=sha256 --block-size=2000",
        "xz -c --x86 --lzma2",
        "zstd -qc",
        "zstd -qc --ultra -22",
        "lz4 -qc --content-size",
        "lz4 -qc -9 -BX --content-size",
    };
    struct file k = elf_make();
    u8 *out = malloc(k.size), *scratch = malloc(DECOMPRESS_SCRATCH_SIZE);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
        struct file p = pack(&k, packers[i]);
        struct kernel_source source;
        const char *why = NULL;

        if (kernel_source_find(p.file, p.size, &source, &why))
            fail_msg("%s: %s", packers[i], why);
        assert_true(source.format == KERNEL_FORMAT_PACKED && source.compressed);
        assert_true(source.data == p.file && source.size == p.size);
        assert_int_equal(source.unpacked_size, k.size);
        memset(out, 0, k.size);
        if (kernel_source_unpack(&source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why))
            fail_msg("%s: %s", packers[i], why);
        assert_memory_equal(out, k.file, k.size);

        /* Cut anywhere, it is refused by one or the other, and nothing beyond it is read. */
        for (size_t size = 0; size < p.size; size += 1 + p.size / 300) {
            struct file cut = {.file = malloc(size), .size = size};

            memcpy(cut.file, p.file, size);
            if (kernel_source_find(cut.file, size, &source, &why) == 0) {
                source.unpacked_size = MIN(source.unpacked_size, k.size);
                assert_int_not_equal(
                    kernel_source_unpack(&source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why), 0);
            }
            free(cut.file);
        }
        free(p.file);
    }
    free(scratch);
    free(out);
    free(k.file);
}

static void packed_refused(const struct file *module, int error, const char *message)
{
    struct kernel_source source;
    const char *why = "";

    assert_int_equal(kernel_source_find(module->file, module->size, &source, &why), error);
    if (!strstr(why, message))
        fail_msg("%s instead of %s", why, message);
}

/* Packed files that do not say how large they will be, say what cannot be, or are of other kinds.
 */
static void test_wrong_packed(void **state)
{
    static const struct {
        const char *packer, *message;
    } silent[] = {
        {"zstd -qc <", "zstd: the file does not say"},
        {"lz4 -qc", "lz4: the file does not say"},
        {"lz4 -qc -l", "lz4: the file does not say"},
        {"bzip2 -c", "bzip2 is not supported"},
    };
    struct file k = elf_make(), p;
    u8 *out = malloc(k.size), *scratch = malloc(DECOMPRESS_SCRATCH_SIZE);
    struct kernel_source source;
    const char *why = NULL;
    u32 less;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
        p = pack(&k, silent[i].packer);
        packed_refused(&p, -EOPNOTSUPP, silent[i].message);
        free(p.file);
    }

    /* gzip's trailer, which the data then contradicts. */
    p = pack(&k, "gzip -nc");
    less = (u32)k.size - 1;
    memcpy(p.file + p.size - 4, &less, sizeof(less));
    assert_int_equal(kernel_source_find(p.file, p.size, &source, &why), 0);
    assert_int_equal(kernel_source_unpack(&source, out, scratch, DECOMPRESS_SCRATCH_SIZE, &why),
                     -ENOSPC);
    free(p.file);

    /* xz's footer: no magic; an index that begins before the file; one that is none. */
    p = pack(&k, "xz -c");
    p.file[p.size - 1] ^= 1;
    packed_refused(&p, -EBADMSG, "does not end with a footer");
    p.file[p.size - 1] ^= 1;
    memcpy(p.file + p.size - 8, &(u32){~0u}, 4);
    packed_refused(&p, -EBADMSG, "the index is before");
    memcpy(p.file + p.size - 8, &(u32){0}, 4);
    packed_refused(&p, -EBADMSG, "the index is");
    free(p.file);
    free(scratch);
    free(out);
    free(k.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bzimage),
        cmocka_unit_test(test_wrong_bzimage),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_wrong_packed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
