/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words that every file of the hypervisor uses: fixed-width integers, typed frame numbers,
 * page geometry and a few helpers of the language.
 */
#ifndef DOMUS_TYPES_H
#define DOMUS_TYPES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

/* A physical address of the machine, in bytes. */
typedef u64 paddr_t;
/* A virtual address in the address space that is loaded, in bytes. */
typedef u64 vaddr_t;
/* Nanoseconds since boot. */
typedef u64 nsec_t;
/* Identifier of a domain (Xen ABI). */
typedef u16 domid_t;

/* A machine frame number: a physical address of the machine >> PAGE_SHIFT. */
typedef struct {
    u64 v;
} mfn_t;

/* A guest frame number: what a guest calls a frame (for PV guests equal to the machine frame). */
typedef struct {
    u64 v;
} gfn_t;

#define MFN(n)      ((mfn_t){(n)})
#define GFN(n)      ((gfn_t){(n)})
#define INVALID_MFN MFN(~0ull)
#define INVALID_GFN GFN(~0ull)

static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.v == b.v;
}

static inline bool mfn_is_invalid(mfn_t m)
{
    return m.v == ~0ull;
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  (1ull << PAGE_SHIFT)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

static inline mfn_t mfn_of_paddr(paddr_t pa)
{
    return MFN(pa >> PAGE_SHIFT);
}

static inline paddr_t paddr_of_mfn(mfn_t m)
{
    return m.v << PAGE_SHIFT;
}

#define KIB(n) ((u64)(n) << 10)
#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)

#define MICROSECONDS(n) ((nsec_t)(n)*1000)
#define MILLISECONDS(n) ((nsec_t)(n)*1000000)
#define SECONDS(n)      ((nsec_t)(n)*1000000000)

#define ARRAY_SIZE(a)         (sizeof(a) / sizeof((a)[0]))
#define BIT(n)                (1ull << (n))
#define ROUND_UP(x, align)    (((x) + (align)-1) & ~((__typeof__(x))(align)-1))
#define ROUND_DOWN(x, align)  ((x) & ~((__typeof__(x))(align)-1))
#define DIV_ROUND_UP(x, d)    (((x) + (d)-1) / (d))
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))

#define MIN(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) min_a_ = (a);                                                                \
        __typeof__(b) min_b_ = (b);                                                                \
        min_a_ < min_b_ ? min_a_ : min_b_;                                                         \
    })
#define MAX(a, b)                                                                                  \
    ({                                                                                             \
        __typeof__(a) max_a_ = (a);                                                                \
        __typeof__(b) max_b_ = (b);                                                                \
        max_a_ > max_b_ ? max_a_ : max_b_;                                                         \
    })

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define must_check          __attribute__((warn_unused_result))
#define always_inline       inline __attribute__((__always_inline__))
#define noinline            __attribute__((__noinline__))
#define noreturn            __attribute__((noreturn))
#define packed              __attribute__((packed))
#define aligned(n)          __attribute__((aligned(n)))
#define section(s)          __attribute__((section(s)))
#define format_printf(f, a) __attribute__((format(printf, f, a)))

/* Code and data that are dropped, and their memory given to the heap, once domain 0 runs. */
#define init_text section(".init.text")
#define init_data section(".init.data")

/* One access, of the object's own width: for what another CPU or a guest may write meanwhile. */
#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define STATIC_ASSERT(c) _Static_assert(c, #c)

#endif
