/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's file system: the whole tree is walked as the tools walk it, what can be written
 * is written, and paths and buffers that are wrong are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "abi/hypfs.h"
#include "core/console.h"
#include "core/cpupool.h"
#include "core/domain.h"
#include "core/guest_access.h"
#include "core/hypercall_handlers.h"
#include "errno.h"

static struct domain domain = {.is_control = true};
static struct vcpu vcpu = {.domain = &domain};
static char levels[2][32];
static bool copies_fail;

void panic(const char *fmt, ...)
{
    abort();
}

void console_levels_get(bool guest, char *out, size_t size)
{
    strncpy(out, levels[guest], size);
}

int console_levels_set(bool guest, const char *text)
{
    if (!strcmp(text, "nonsense"))
        return -EINVAL;
    strcpy(levels[guest], text);
    return 0;
}

int guest_copy_in(void *to, vaddr_t from, size_t bytes)
{
    if (!copies_fail)
        memcpy(to, (const void *)from, bytes);
    return copies_fail ? -EFAULT : 0;
}

int guest_copy_out(vaddr_t to, const void *from, size_t bytes)
{
    if (!copies_fail)
        memcpy((void *)to, from, bytes);
    return copies_fail ? -EFAULT : 0;
}

u32 grant_frames_max = 64, grant_maptrack_frames_max = 1024;

/* Pools 0 and 63, or all. */
static bool all_pools;

bool cpupool_exists(u32 id)
{
    return id < CPUPOOLS && (all_pools || !id || id == CPUPOOLS - 1);
}

static _Alignas(8) char buffer[4096];
static struct xen_hypfs_direntry *const entry = (void *)buffer;
static char *const contents = buffer + sizeof(*entry);

static long call(u32 cmd, const char *path, u64 size)
{
    return hypercall_hypfs_op(&vcpu, cmd, (u64)path, strlen(path) + 1, (u64)buffer, size, 0);
}

static long write_text(const char *path, const char *text)
{
    strcpy(buffer, text);
    return call(XEN_HYPFS_OP_write_contents, path, strlen(text) + 1);
}

/* Reads path and all below it; returns how many there are that are no directories. */
static u32 walk(const char *path)
{
    char list[4096], below[5000];
    u32 leaves = 0;
    assert_int_equal(call(XEN_HYPFS_OP_read, path, sizeof(buffer)), 0);
    if (entry->type != XEN_HYPFS_TYPE_DIR)
        return 1;
    memcpy(list, contents, entry->content_len);
    u32 length = entry->content_len;
    for (u32 at = 0;;) {
        const struct xen_hypfs_dirlistentry *e = (void *)(list + at);
        snprintf(below, sizeof(below), "%s/%s", strcmp(path, "/") ? path : "", e->name);
        leaves += walk(below);
        if (!e->off_next)
            break;
        at += e->off_next;
        assert_true(at < length);
    }
    return leaves;
}

static void test_tree(void **state)
{
    (void)state;
    strcpy(levels[0], "info/all");
    assert_int_equal(walk("/"), 14);
    assert_int_equal(call(XEN_HYPFS_OP_read, "/cpupool/63/sched-gran", sizeof(buffer)), 0);
    assert_string_equal(contents, "cpu");
    all_pools = true;
    assert_int_equal(walk("/cpupool"), CPUPOOLS);
    all_pools = false;
    assert_int_equal(call(XEN_HYPFS_OP_read, "/buildinfo/version/minor", sizeof(buffer)), 0);
    assert_int_equal(entry->type, XEN_HYPFS_TYPE_UINT);
    assert_int_equal(*(u32 *)contents, 17);
    assert_int_equal(call(XEN_HYPFS_OP_read, "/params/gnttab_max_maptrack_frames", sizeof(buffer)),
                     0);
    assert_int_equal(*(u32 *)contents, 1024);
    assert_int_equal(call(XEN_HYPFS_OP_read, "/params/loglvl", sizeof(buffer)), 0);
    assert_string_equal(contents, "info/all");
    assert_int_equal(entry->content_len, 9);
    assert_int_not_equal(entry->max_write_len, 0);
}

static void test_write(void **state)
{
    (void)state;
    assert_int_equal(write_text("/params/guest_loglvl", "none/warning"), 0);
    assert_string_equal(levels[1], "none/warning");
    assert_int_equal(write_text("/params/guest_loglvl", "nonsense"), -EINVAL);
    assert_int_equal(write_text("/buildinfo/version/extra", "x"), -EACCES);
    assert_int_equal(write_text("/params", "x"), -EACCES);
    assert_int_equal(write_text("/cpupool/0/sched-gran", "core"), -EACCES);
    assert_int_equal(write_text("/params/loglvl", "a text that is longer than any two levels"),
                     -ENOSPC);
    strcpy(buffer, "none");
    assert_int_equal(call(XEN_HYPFS_OP_write_contents, "/params/guest_loglvl", 4), -EINVAL);
    assert_int_equal(call(XEN_HYPFS_OP_write_contents, "/params/guest_loglvl", 0), -EINVAL);
    assert_string_equal(levels[1], "none/warning");
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const missing[] = {
        "/nosuch",         "/buildinfo/nosuch", "/buildinf",   "/params/loglvl/x",
        "/cpupool/1",      "/cpupool/00",       "/cpupool/64", "/cpupool/5/sched-gran",
        "/cpupool/0/sched"};
    static const char *const wrong[] = {"", "buildinfo", "/params/"};
    for (u32 i = 0; i < ARRAY_SIZE(missing); i++)
        assert_int_equal(call(XEN_HYPFS_OP_read, missing[i], sizeof(buffer)), -ENOENT);
    for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(call(XEN_HYPFS_OP_read, wrong[i], sizeof(buffer)), -EINVAL);
    char path[2048];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    for (u64 bytes = 60; bytes <= 70; bytes++)
        assert_int_not_equal(
            hypercall_hypfs_op(&vcpu, XEN_HYPFS_OP_read, (u64)path, bytes, (u64)buffer, 64, 0), 0);
    assert_int_equal(
        hypercall_hypfs_op(&vcpu, XEN_HYPFS_OP_read, (u64)path, 1025, (u64)buffer, 64, 0), -EINVAL);
    assert_int_equal(hypercall_hypfs_op(&vcpu, XEN_HYPFS_OP_read, (u64)path, 0, (u64)buffer, 64, 0),
                     -EINVAL);

    /* Too little room: how much is needed is told. */
    assert_int_equal(call(XEN_HYPFS_OP_read, "/", sizeof(*entry) - 1), -EINVAL);
    memset(buffer, 0, sizeof(buffer));
    assert_int_equal(call(XEN_HYPFS_OP_read, "/", sizeof(*entry)), -ENOBUFS);
    u32 needed = entry->content_len;
    assert_int_equal(contents[0], 0);
    assert_int_equal(call(XEN_HYPFS_OP_read, "/", sizeof(*entry) + needed - 1), -ENOBUFS);
    assert_int_equal(call(XEN_HYPFS_OP_read, "/", sizeof(*entry) + needed), 0);

    copies_fail = true;
    assert_int_equal(call(XEN_HYPFS_OP_read, "/", sizeof(buffer)), -EFAULT);
    copies_fail = false;
    assert_int_equal(hypercall_hypfs_op(&vcpu, XEN_HYPFS_OP_get_version, 0, 0, 0, 0, 0), 1);
    assert_int_equal(hypercall_hypfs_op(&vcpu, XEN_HYPFS_OP_get_version, 1, 0, 0, 0, 0), -EINVAL);
    assert_int_equal(call(3, "/", 64), -EOPNOTSUPP);
    assert_int_equal(hypercall_hypfs_op(&vcpu, 3, 0, 0, 0, 0, 0), -EINVAL);
    domain.is_control = false;
    assert_int_equal(call(XEN_HYPFS_OP_read, "/", sizeof(buffer)), -EPERM);
    domain.is_control = true;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
