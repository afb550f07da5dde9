/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PV MMU under long random sequences of everything that a guest can ask for, with the auditor
 * after each step and a TLB that forgets nothing by itself: no order of operations makes a page
 * table writable, and what remains at the end of a domain is nothing. PV_MM_SEEDS in the
 * environment: how many sequences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/domctl.h"
#include "abi/grant_table.h"
#include "arch/cpu.h"
#include "arch/vcpu.h"
#include "errno.h"
#include "x86/descriptors.h"
#include "x86/pv.h"
#include "x86/regs.h"
#include "tests/unit/host_pv/pv_world.h"

#define RANDOM_FRAMES 24u
#define RANDOM_STEPS  4000u

static u64 random_state;
static bool log_steps; /* in every other sequence */

static u32 random_below(u32 n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(random_state >> 33) % n;
}

static mfn_t frames[RANDOM_FRAMES], foreign[4];

/* Frames are meant for one level, mostly. */
static u32 level_of(u32 i)
{
    return i < 2 ? 4 : i < 5 ? 3 : i < 9 ? 2 : i < 15 ? 1 : 0;
}

static u32 frame_of_level(u32 level)
{
    for (;;) {
        u32 i = random_below(RANDOM_FRAMES);
        if (level_of(i) == level || !random_below(12))
            return i;
    }
}

static pte_t random_entry(u32 level)
{
    static const u64 flags[] = {RW, RW, RO, RO, 0, RW | PTE_NX, RO & ~PTE_USER, RW | PTE_GLOBAL};
    u64 f = flags[random_below(ARRAY_SIZE(flags))];
    if (level > 1)
        return random_below(3) ? pte_make(frames[frame_of_level(level - 1)], f & ~PTE_GLOBAL) : 0;
    if (!random_below(10))
        return pte_make(MFN(WORLD_DEVICE_MFN + random_below(17)), f);
    return pte_make(frames[random_below(RANDOM_FRAMES)], f);
}

static u32 random_index(void)
{
    static const u32 indexes[] = {0, 1, 2, 3, 255, 256, 260, 271, 272, 511};
    return indexes[random_below(ARRAY_SIZE(indexes))];
}

static vaddr_t random_va(void)
{
    return (u64)random_below(4) << 39 | (u64)random_below(4) << 30 | (u64)random_below(4) << 21 |
           (u64)random_below(4) << 12;
}

/* The guest writes wherever it may have a writable mapping. */
static void step_store(void)
{
    u32 i = random_below(RANDOM_FRAMES);
    u64 t = world_type(frames[i]);
    if (t == FRAME_TYPE_WRITABLE || !world_type_count(frames[i]))
        world_table(frames[i])[random_index()] = random_entry(level_of(i) ? level_of(i) : 1);
}

static void step_update(u32 owner)
{
    struct mmu_update u[3];
    for (u32 k = 0; k < 3; k++) {
        u32 i = random_below(RANDOM_FRAMES), level = level_of(i);
        u[k].ptr =
            at(frames[i], random_index()) | (random_below(4) ? 0 : MMU_PT_UPDATE_PRESERVE_AD);
        u[k].val = owner == DOMID_SELF
                       ? random_entry(level ? level : 1)
                       : pte_make(foreign[random_below(4)], random_below(2) ? RW : RO);
    }
    world_call(hypercall_mmu_update, (u64)u, 1 + random_below(3), 0, owner);
}

static void step_mmuext(void)
{
    u32 i = random_below(RANDOM_FRAMES), level = level_of(i);
    switch (random_below(8)) {
    case 0:
    case 1:
    case 2:
        world_mmuext(MMUEXT_PIN_L1_TABLE + (level ? level - 1 : random_below(4)), frames[i].v, 0);
        break;
    case 3:
    case 4:
        world_mmuext(MMUEXT_UNPIN_TABLE, frames[i].v, 0);
        break;
    case 5:
        world_mmuext(MMUEXT_NEW_BASEPTR, frames[frame_of_level(4)].v, 0);
        break;
    case 6:
        world_mmuext(MMUEXT_NEW_USER_BASEPTR, random_below(2) ? frames[frame_of_level(4)].v : 0, 0);
        break;
    default:
        world_mmuext(random_below(2) ? MMUEXT_CLEAR_PAGE : MMUEXT_COPY_PAGE, frames[i].v,
                     frames[random_below(RANDOM_FRAMES)].v);
        break;
    }
}

static void step_descriptors(void)
{
    u64 list[2] = {frames[random_below(RANDOM_FRAMES)].v, frames[random_below(RANDOM_FRAMES)].v};
    switch (random_below(4)) {
    case 0:
        world_call(hypercall_set_gdt, (u64)list, random_below(3) * 512, 0, 0);
        break;
    case 1:
        world_call(hypercall_update_descriptor, at(MFN(list[0]), random_index()),
                   DESCRIPTOR_CODE64_RING0, 0, 0);
        break;
    case 2:
        world_mmuext(MMUEXT_SET_LDT, random_va(), random_below(600));
        break;
    default:
        if (current->arch.ldt_entries)
            pv_ldt_map_page(current, 0);
        break;
    }
}

static void step_grant(void)
{
    mfn_t g = foreign[random_below(4)];
    u64 where = at(frames[frame_of_level(1)], random_index());
    u32 flags = GNTMAP_host_map | GNTMAP_contains_pte | (random_below(2) ? GNTMAP_readonly : 0);
    struct frame *f = frame_of_mfn(g);
    if (random_below(2)) {
        if (frame_get(f, world.guest)) {
            int status = arch_grant_map(world.dom0, where, g, flags);
            assert_in_range(-status, 0, 1);
            frame_put(f);
        }
    } else {
        int status = arch_grant_unmap(world.dom0, where, 0, g, flags);
        assert_in_range(-status, 0, 1);
    }
}

/* The owner of a frame gives it up, and has another for it. */
static void step_exchange(void)
{
    u32 i = random_below(RANDOM_FRAMES);
    assert_true(frame_release(frame_of_mfn(frames[i])));
    frames[i] = world_frame(world.dom0);
}

/* The other domain makes its frame a table, or data again. */
static void step_foreign(void)
{
    world_run(world.guest);
    world_mmuext(random_below(2) ? MMUEXT_PIN_L1_TABLE : MMUEXT_UNPIN_TABLE,
                 foreign[random_below(4)].v, 0);
    world_run(world.dom0);
}

/* Its writes are logged for a time: then the processor walks shadows, which faults fill. */
static void step_log(void)
{
    static u64 bitmap[WORLD_FRAMES / 64];
    struct xen_domctl_shadow_op op = {.pages = WORLD_FRAMES, .dirty_bitmap.va = (u64)bitmap};
    struct domain *d = world.dom0;
    if (!random_below(20)) {
        if (d->arch.log_dirty)
            pv_log_dirty_disable(d);
        else
            assert_int_equal(pv_log_dirty_enable(d), 0);
    }
    if (!d->arch.log_dirty)
        return;
    for (u32 i = 0; i < 16; i++) {
        const u32 errors[] = {0, PF_WRITE, PF_WRITE | PF_PRESENT, PF_FETCH};
        shadow_fault(current, current->arch.shadow_l4[random_below(2)], random_va(),
                     errors[random_below(4)]);
    }
    if (!random_below(8))
        while (pv_log_dirty_read(d, &op, true) == -ERESTART)
            continue;
}

static void random_step(void)
{
    switch (random_below(log_steps ? 18 : 16)) {
    case 16:
    case 17:
        step_log();
        break;
    case 0:
    case 1:
    case 2:
        step_store();
        break;
    case 3:
    case 4:
    case 5:
        step_update(DOMID_SELF);
        break;
    case 6:
        step_update(7);
        break;
    case 7:
    case 8:
    case 9:
    case 10:
        step_mmuext();
        break;
    case 11:
        world_call(hypercall_update_va_mapping, random_va(), random_entry(1), random_below(3), 0);
        break;
    case 12:
        step_descriptors();
        break;
    case 13:
        step_grant();
        break;
    case 14:
        step_foreign();
        break;
    default:
        if (!random_below(4))
            step_exchange();
        else
            tlb_flush_local();
        break;
    }
}

/* Something that works to begin with. */
static void prelude(void)
{
    for (u32 i = 0; i < RANDOM_FRAMES; i++)
        frames[i] = world_frame(world.dom0);
    for (u32 i = 0; i < 4; i++)
        foreign[i] = world_frame(world.guest);
    world_table(frames[0])[0] = pte_make(frames[2], RW);
    world_table(frames[2])[0] = pte_make(frames[5], RW);
    for (u32 i = 0; i < 4; i++)
        world_table(frames[5])[i] = pte_make(frames[9 + i], RW);
    assert_int_equal(world_mmuext(MMUEXT_NEW_BASEPTR, frames[0].v, 0), 0);
}

static void no_order_makes_a_table_writable(void **state)
{
    const char *seeds = getenv("PV_MM_SEEDS");
    u32 n = seeds ? (u32)atoi(seeds) : 32, steps = 0, tables = 0;
    for (u32 seed = 1; seed <= n; seed++) {
        random_state = seed;
        log_steps = seed % 2;
        world_init();
        prelude();
        for (u32 i = 0; i < RANDOM_STEPS; i++, steps++) {
            world.preempt_after = random_below(3);
            random_step();
            world.preempt_after = 0;
            world_check();
            for (u32 f = 0; f < RANDOM_FRAMES; f++)
                tables += world_type(frames[f]) == FRAME_TYPE_L4;
        }
        world_end();
    }
    /* It was not all refused. */
    assert_true(tables > steps / 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_order_makes_a_table_writable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
