/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib/string.c, under other names, against the C library's functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define strlen  own_strlen
#define strnlen own_strnlen
#define strcmp  own_strcmp
#define strncmp own_strncmp
#define strchr  own_strchr
#include "hypervisor/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr

#define AREA 96

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void fill(u8 *p, size_t size, u32 values)
{
    for (size_t i = 0; i < size; i++)
        p[i] = (u8)((u32)random() % values);
}

static void test_copies(void **state)
{
    (void)state;
    u8 a[AREA], b[AREA];
    for (int i = 0; i < 100000; i++) {
        size_t from = (size_t)random() % 48, to = (size_t)random() % 48,
               size = (size_t)random() % 48;
        fill(a, AREA, 256);
        memcpy(b, a, AREA);
        memmove(a + to, a + from, size);
        assert_ptr_equal(own_memmove(b + to, b + from, size), b + to);
        assert_memory_equal(a, b, AREA);
        int byte = (int)random();
        memset(a + to, byte, size);
        assert_ptr_equal(own_memset(b + to, byte, size), b + to);
        assert_memory_equal(a, b, AREA);
    }
}

/* Blocks of exactly the size, so that the sanitizer sees a byte too many. */
static void test_copy_exact(void **state)
{
    (void)state;
    for (size_t size = 0; size < 80; size++) {
        u8 *a = malloc(size), *b = malloc(size);
        fill(a, size, 256);
        own_memcpy(b, a, size);
        assert_int_equal(own_memcmp(a, b, size), 0);
        if (size)
            assert_memory_equal(a, b, size);
        free(a);
        free(b);
    }
}

static void test_comparisons(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        char a[24], b[24];
        size_t size = (size_t)random() % sizeof(a);
        fill((u8 *)a, sizeof(a), 3);
        fill((u8 *)b, sizeof(b), 3);
        if (random() % 2)
            memcpy(b, a, (size_t)random() % sizeof(a));
        a[sizeof(a) - 1] = b[sizeof(b) - 1] = 0;
        assert_int_equal(sign(own_memcmp(a, b, size)), sign(memcmp(a, b, size)));
        assert_int_equal(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(own_strncmp(a, b, size)), sign(strncmp(a, b, size)));
        assert_int_equal(own_strlen(a), strlen(a));
        assert_int_equal(own_strnlen(a, size), strnlen(a, size));
        int c = (int)random() % 3;
        assert_ptr_equal(own_strchr(a, c), strchr(a, c));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_copy_exact),
        cmocka_unit_test(test_comparisons),
    };
    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
