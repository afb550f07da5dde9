/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small objects under the address sanitizer: linked around core/object_heap.c, it forbids what lies
 * in a freed object, and behind one in a place that was a larger one's before. The first word of a
 * freed cell is the heap's own.
 */
#include <sanitizer/asan_interface.h>
#include "core/heap.h"
#include "host/machine.h"

#define CELL_MIN     16u
#define OBJECT_SMALL 2016u /* greater ones are whole pages */

/* Bytes that were asked for, by the object's address. */
static u16 sizes[HOST_FRAMES * PAGE_SIZE / CELL_MIN];

void *__real_object_alloc(size_t bytes);
void *__wrap_object_alloc(size_t bytes);
void *__real_object_alloc_array(size_t size, size_t n);
void *__wrap_object_alloc_array(size_t size, size_t n);
void __real_object_free(void *object);
void __wrap_object_free(void *object);
void __real_heap_free_private(struct frame *f, u32 order);
void __wrap_heap_free_private(struct frame *f, u32 order);
/* core/object_heap.c clears by it what is still forbidden to others. */
void *host_memset(void *to, int byte, size_t bytes);

static u16 *size_of(const void *object)
{
    return &sizes[((u64)object - (u64)host_ram) / CELL_MIN];
}

static void *allow(void *object, size_t bytes)
{
    if (object && bytes <= OBJECT_SMALL) {
        *size_of(object) = (u16)bytes;
        ASAN_UNPOISON_MEMORY_REGION(object, bytes);
    }
    return object;
}

void *__wrap_object_alloc(size_t bytes)
{
    return allow(__real_object_alloc(bytes), bytes);
}

void *__wrap_object_alloc_array(size_t size, size_t n)
{
    return allow(__real_object_alloc_array(size, n), size * n);
}

void __wrap_object_free(void *object)
{
    if ((u64)object % PAGE_SIZE && *size_of(object) > sizeof(u64))
        ASAN_POISON_MEMORY_REGION((u8 *)object + sizeof(u64), *size_of(object) - sizeof(u64));
    __real_object_free(object);
}

/* A page of cells goes back to the heap, which clears it. */
void __wrap_heap_free_private(struct frame *f, u32 order)
{
    ASAN_UNPOISON_MEMORY_REGION(frame_to_virt(f), PAGE_SIZE << order);
    __real_heap_free_private(f, order);
}

void *host_memset(void *to, int byte, size_t bytes)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory");
    return start;
}

void host_objects_allow_all(void)
{
    ASAN_UNPOISON_MEMORY_REGION(host_ram, HOST_FRAMES * PAGE_SIZE);
}
