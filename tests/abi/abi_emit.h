/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program that prints an ABI, one line for each thing in the generated list: included once by
 * abi_domus.c and once by abi_xen.c, after the headers that each of them is about.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* 1 and 2 for what a reader would sign-extend, or might; arrays and structs are 0. */
#define SIGN(x)                                                                                    \
    _Generic((x), int8_t : 1, int16_t : 1, int32_t : 1, int64_t : 1, char : 2, default : 0)

#define CONSTANT(name) printf("%s\t%#llx\n", #name, (unsigned long long)(name));
#define CALL(name, arg)                                                                            \
    printf("%s(%s)\t%#llx\n", #name, #arg, (unsigned long long)(name(UINT64_C(arg))));
#define TYPE(type) printf("%s\tsize %zu, align %zu\n", #type, sizeof(type), _Alignof(type));
#define FIELD(type, path)                                                                          \
    printf("%s, %s\toffset %zu, size %zu, sign %d\n", #type, #path, offsetof(type, path),          \
           sizeof(((type *)0)->path), SIGN(((type *)0)->path));
#define FLEX(type, path)                                                                           \
    printf("%s, %s\toffset %zu, size of elements %zu\n", #type, #path, offsetof(type, path),       \
           sizeof(((type *)0)->path[0]));
/* A bit field has no address: all its bits are set, and what changed is printed. */
#define BITS(type, path)                                                                           \
    do {                                                                                           \
        type object;                                                                               \
        memset(&object, 0, sizeof(object));                                                        \
        object.path--;                                                                             \
        print_bits(#type ", " #path, &object, sizeof(object));                                     \
    } while (0);

static void print_bits(const char *name, const void *object, size_t size)
{
    const unsigned char *byte = object;

    printf("%s\tbits", name);
    for (size_t i = 0; i < size; i++)
        printf(" %02x", byte[i]);
    printf("\n");
}

int main(void)
{
#include "abi_list.h"
    return 0;
}
