/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of hypercalls and sub-operations: every number leads where its row says, arguments are
 * copied the way that it says, and only for who may ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/callback.h"
#include "abi/domctl.h"
#include "abi/sysctl.h"
#include "abi/event_channel.h"
#include "abi/grant_table.h"
#include "abi/hvm.h"
#include "abi/mca.h"
#include "abi/memory.h"
#include "abi/nmi.h"
#include "abi/physdev.h"
#include "abi/platform.h"
#include "abi/sched.h"
#include "abi/vcpu.h"
#include "abi/version.h"
#include "abi/xen.h"
#include "core/domain.h"
#include "core/hypercall_handlers.h"
#include "errno.h"
#include "tests/unit/host/hypercall_stubs.h"
#include "tests/unit/host/memory_world.h"

static struct domain domain;
static struct vcpu vcpu;

static const char *called;
static u32 calls;
static u64 seen_args[6];
static long result;

static const struct subop_table *const tables[] = {
#define TABLE_BEGIN(family) &family##_ops,
#define TABLE_END(family)
#define SUBOP(command, function, type, direction, privilege)
#define UNAVAILABLE(command, error, reason)
#include "core/ops/tables.def"
#undef TABLE_BEGIN
#undef TABLE_END
#undef SUBOP
#undef UNAVAILABLE
};

static long on_hypercall(const char *function, struct vcpu *v, const u64 args[6])
{
    assert_ptr_equal(v, &vcpu);
    called = function;
    calls++;
    memcpy(seen_args, args, sizeof(seen_args));
    return result;
}

static int setup(void **state)
{
    (void)state;
    memory_world_reset();
    domain = (struct domain){.is_hardware = true, .is_control = true};
    vcpu = (struct vcpu){.domain = &domain};
    calls = 0;
    result = 0;
    return 0;
}

static long call(u32 op)
{
    return hypercall_table[op](&vcpu, 1, 2, 3, 4, 5, 6);
}

static void test_hypercalls(void **state)
{
    (void)state;
    u32 present = 0;
    hypercall_stubs.hypercall = on_hypercall;
    result = 77;
#define HYPERCALL(name)                                                                            \
    assert_int_equal(call(__HYPERVISOR_##name), 77);                                               \
    assert_string_equal(called, #name);                                                            \
    assert_string_equal(hypercall_names[__HYPERVISOR_##name], #name);                              \
    present++;
#define FAMILY(name) HYPERCALL(name)
#define ABSENT(name, reason)                                                                       \
    assert_int_equal(call(__HYPERVISOR_##name), -ENOSYS);                                          \
    assert_string_equal(hypercall_names[__HYPERVISOR_##name], #name);
#include "core/ops/hypercalls.def"
    assert_int_equal(calls, present);
    for (u32 i = 0; i < 6; i++)
        assert_int_equal(seen_args[i], i + 1);
    /* Numbers that nobody has are answered too. */
    u32 nameless = 0;
    for (u32 op = 0; op < NR_HYPERCALLS; op++) {
        if (hypercall_names[op])
            continue;
        nameless++;
        assert_int_equal(call(op), -ENOSYS);
    }
    assert_true(nameless > 0);
    assert_int_equal(calls, present);
}

/* --- sub-operations */

#define FILL_GUEST   0x5a
#define FILL_HANDLER 0xc3

static u8 guest_buffer[SUBOP_ARG_MAX + 16];
static const struct subop *expected;

static bool all_bytes(const u8 *p, size_t bytes, u8 byte)
{
    for (size_t i = 0; i < bytes; i++)
        if (p[i] != byte)
            return false;
    return true;
}

static long on_subop(const char *function, struct vcpu *v, void *arg)
{
    assert_ptr_equal(v, &vcpu);
    called = function;
    calls++;
    switch (expected->direction) {
    case DIR_NONE:
        assert_null(arg);
        return result;
    case DIR_RAW:
        assert_int_equal(*(vaddr_t *)arg, (u64)guest_buffer);
        return result;
    case DIR_OUT:
        assert_true(all_bytes(arg, expected->size, 0));
        break;
    default:
        assert_true(all_bytes(arg, expected->size, FILL_GUEST));
        break;
    }
    /* A copy, not the guest's own. */
    assert_true((u8 *)arg < guest_buffer || (u8 *)arg >= guest_buffer + sizeof(guest_buffer));
    memset(arg, FILL_HANDLER, expected->size);
    return result;
}

static long dispatch(const struct subop_table *t, u64 cmd)
{
    memset(guest_buffer, FILL_GUEST, sizeof(guest_buffer));
    calls = 0;
    memory_world.copies = 0;
    return subop_dispatch(&vcpu, t, cmd, (vaddr_t)guest_buffer);
}

static bool copies_in(const struct subop *op)
{
    return op->direction == DIR_IN || op->direction == DIR_INOUT;
}

static bool copies_out(const struct subop *op)
{
    return op->direction == DIR_OUT || op->direction == DIR_INOUT;
}

static void check_available(const struct subop_table *t, u32 cmd)
{
    const struct subop *op = &t->ops[cmd];
    expected = op;
    assert_true(op->size <= SUBOP_ARG_MAX || op->direction == DIR_RAW);

    result = 5;
    assert_int_equal(dispatch(t, cmd), 5);
    assert_int_equal(calls, 1);
    assert_int_equal(memory_world.copies, copies_in(op) + copies_out(op));
    u32 written = copies_out(op) ? op->size : 0;
    assert_true(all_bytes(guest_buffer, written, FILL_HANDLER));
    assert_true(all_bytes(guest_buffer + written, sizeof(guest_buffer) - written, FILL_GUEST));

    /* What failed is not copied back. */
    result = -EBUSY;
    assert_int_equal(dispatch(t, cmd), -EBUSY);
    assert_true(all_bytes(guest_buffer, sizeof(guest_buffer), FILL_GUEST));

    result = 0;
    for (u32 copy = 1; copy <= (u32)copies_in(op) + copies_out(op); copy++) {
        memory_world.copy_fail_after = copy;
        assert_int_equal(dispatch(t, cmd), -EFAULT);
        assert_int_equal(calls, !(copies_in(op) && copy == 1));
    }
}

static void check_privilege(const struct subop_table *t, u32 cmd)
{
    const struct subop *op = &t->ops[cmd];
    expected = op;
    result = 0;
    for (u32 who = 0; who < 4; who++) {
        domain.is_hardware = who & 1;
        domain.is_control = who & 2;
        bool may = op->privilege == PRIV_ANY || op->privilege == PRIV_CHECKED ||
                   (op->privilege == PRIV_HARDWARE && domain.is_hardware) ||
                   (op->privilege == PRIV_CONTROL && domain.is_control);
        assert_int_equal(dispatch(t, cmd), may ? 0 : -EPERM);
        assert_int_equal(calls, may);
        if (!may)
            assert_int_equal(memory_world.copies, 0);
    }
}

static void test_subops(void **state)
{
    (void)state;
    u32 available = 0, unavailable = 0;
    hypercall_stubs.subop = on_subop;
    for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct subop_table *t = tables[i];
        for (u32 cmd = 0; cmd < t->count; cmd++) {
            const struct subop *op = &t->ops[cmd];
            memory_world.log_lines = 0;
            if (op->handler) {
                check_available(t, cmd);
                check_privilege(t, cmd);
                available++;
            } else {
                assert_int_equal(dispatch(t, cmd), op->name ? op->error : -ENOSYS);
                assert_int_equal(memory_world.log_lines, op->name != NULL);
                assert_true(!op->name || op->error < 0);
                assert_int_equal(memory_world.copies, 0);
                unavailable += op->name != NULL;
            }
        }
        assert_int_equal(dispatch(t, t->count), -ENOSYS);
        assert_int_equal(dispatch(t, ~0ull), -ENOSYS);
        assert_int_equal(dispatch(t, 1ull << 32), -ENOSYS);
        assert_int_equal(calls, 0);
    }
#define TABLE_BEGIN(family)
#define TABLE_END(family)
#define SUBOP(command, function, type, direction, privilege) available--;
#define UNAVAILABLE(command, error, reason)                  unavailable--;
#include "core/ops/tables.def"
#undef SUBOP
#undef UNAVAILABLE
    /* No row hides another. */
    assert_int_equal(available, 0);
    assert_int_equal(unavailable, 0);
}

/* Each number stands for the function of its row. */
static void test_subop_names(void **state)
{
    (void)state;
    u32 n = 0;
    const struct subop_table *t = NULL;
    hypercall_stubs.subop = on_subop;
    result = 0;
#undef TABLE_BEGIN
#undef TABLE_END
#define TABLE_BEGIN(family) t = tables[n++];
#define TABLE_END(family)
#define UNAVAILABLE(command, error, reason)
#define SUBOP(command, function, type, direction, privilege)                                       \
    expected = &t->ops[command];                                                                   \
    assert_int_equal(dispatch(t, command), 0);                                                     \
    assert_string_equal(called, #function);                                                        \
    assert_string_equal(expected->name, #command);
#include "core/ops/tables.def"
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_hypercalls, setup),
        cmocka_unit_test_setup(test_subops, setup),
        cmocka_unit_test_setup(test_subop_names, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
