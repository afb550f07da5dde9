/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Grant tables as guests see them: both versions, what may be mapped, copied and given away and
 * with which status all else is refused, that entries show their use, and that every reference
 * comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "errno.h"
#include "hypervisor/core/grant_private.h"
#include "abi/memory.h"
#include "tests/unit/host/guests.h"

#define MAX_FRAMES 4u
#define OWNER_USE  (GTF_reading | GTF_writing)

static struct domain *dom0, *guest, *third;

static int setup(void **state)
{
    guests_init();
    dom0 = guests_domain(0, 1);
    guest = guests_domain(5, 1);
    third = guests_domain(6, 1);
    assert_int_equal(grant_domain_init(dom0, 2, MAX_FRAMES, 2), 0);
    assert_int_equal(grant_domain_init(guest, 2, MAX_FRAMES, 2), 0);
    assert_int_equal(grant_domain_init(third, 2, MAX_FRAMES, 2), 0);
    return 0;
}

static void end(struct domain *d)
{
    d->dying = DOMAIN_DYING;
    while (grant_domain_release_mappings(d) == -ERESTART)
        continue;
}

static int teardown(void **state)
{
    struct domain *all[] = {guest, dom0, third};
    for (u32 i = 0; i < 3; i++)
        end(all[i]);
    for (u32 i = 0; i < 3; i++) {
        assert_int_equal(all[i]->grants->claimed, 0);
        struct frame *f;
        while ((f = frame_list_first(all[i])))
            assert_true(frame_release(f));
        assert_int_equal(all[i]->refs, 1);
        grant_domain_destroy(all[i]);
        guests_domain_end(all[i]);
    }
    assert_int_equal(guests_objects_used(), 0);
    assert_int_equal(guests_frames_used(), 0);
    return 0;
}

static long call(u32 cmd, void *array, u32 count)
{
    return hypercall_grant_table_op(current, cmd, (vaddr_t)array, count, 0, 0, 0);
}

static struct grant_entry_v1 *entry1(struct domain *d, u32 ref)
{
    return grant_v1_at(d->grants, ref);
}

static union grant_entry_v2 *entry2(struct domain *d, u32 ref)
{
    return grant_v2_at(d->grants, ref);
}

static void give(struct domain *d, u32 ref, domid_t to, const struct frame *f, u16 flags)
{
    if (d->grants->version == 1)
        *entry1(d, ref) =
            (struct grant_entry_v1){GTF_permit_access | flags, to, (u32)frame_mfn(f).v};
    else
        *entry2(d, ref) = (union grant_entry_v2){
            .full_page = {.hdr = {GTF_permit_access | flags, to}, .frame = frame_mfn(f).v}};
}

static void version(struct domain *d, u32 wanted)
{
    struct gnttab_set_version op = {.version = wanted};
    struct vcpu *before = current;
    guests_run(d->vcpus[0]);
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), 0);
    assert_int_equal(op.version, wanted);
    guests_run(before);
}

static int map(domid_t dom, u32 ref, u32 flags, u32 *handle)
{
    struct gnttab_map_grant_ref op = {.host_addr = 0x1000, .flags = flags, .ref = ref, .dom = dom};
    op.status = 99;
    assert_int_equal(call(GNTTABOP_map_grant_ref, &op, 1), 0);
    if (handle)
        *handle = op.handle;
    return op.status;
}

static int unmap(u32 handle, u64 host, u64 bus)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = host, .dev_bus_addr = bus, .handle = handle};
    op.status = 99;
    assert_int_equal(call(GNTTABOP_unmap_grant_ref, &op, 1), 0);
    return op.status;
}

static void test_setup(void **state)
{
    u64 list[MAX_FRAMES] = {0};
    struct gnttab_query_size size = {.dom = DOMID_SELF, .status = 99};
    assert_int_equal(call(GNTTABOP_query_size, &size, 1), 0);
    assert_int_equal(size.status, GNTST_okay);
    assert_int_equal(size.nr_frames, 1);
    assert_int_equal(size.max_nr_frames, MAX_FRAMES);
    assert_int_equal(call(GNTTABOP_query_size, &size, 2), -EINVAL);
    assert_int_equal(call(GNTTABOP_query_size, NULL, 1), -EFAULT);
    assert_int_equal(call(GNTTABOP_query_size, &size, 0x80000000u), -EINVAL);
    assert_int_equal(call(13, &size, 1), -ENOSYS);
    assert_int_equal(call(GNTTABOP_dump_table, &size, 1), -ENOSYS);

    struct gnttab_setup_table op = {
        .dom = DOMID_SELF, .nr_frames = 3, .frame_list.va = (vaddr_t)list};
    assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
    for (u32 i = 0; i < 3; i++) {
        struct frame *f = frame_of_mfn(MFN(list[i]));
        assert_ptr_equal(frame_owner(f), dom0);
        assert_true(f->count & FRAME_HYPERVISOR);
        assert_int_equal(frame_get_writable(f, dom0), 0); /* the guest maps it */
        frame_put_writable(f);
    }
    assert_int_equal(list[3], 0);
    op.nr_frames = MAX_FRAMES + 1;
    assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    op.nr_frames = 1;
    op.frame_list.va = 8;
    assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_virt_addr);
    op.dom = 77;
    assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_domain);
    guests_run(guest->vcpus[0]);
    op.dom = 0;
    assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    struct gnttab_get_version get = {.dom = 0};
    assert_int_equal(call(GNTTABOP_get_version, &get, 1), -EPERM);
    get.dom = 77;
    assert_int_equal(call(GNTTABOP_get_version, &get, 1), -ESRCH);
    get.dom = DOMID_SELF;
    assert_int_equal(call(GNTTABOP_get_version, &get, 1), 0);
    assert_int_equal(get.version, 1);
}

static void test_growth_fails(void **state)
{
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = MAX_FRAMES};
    version(dom0, 2);
    u32 frames = guests_frames_used(), objects = guests_objects_used();
    for (u32 i = 1; i <= 15; i++) { /* each of 3 frames, with 4 pages each */
        guests.fail_allocation_after = i;
        assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
        assert_int_equal(op.status, GNTST_general_error);
        assert_int_equal(dom0->grants->nr_frames, 1);
        assert_int_equal(guests_frames_used(), frames);
        assert_int_equal(guests_objects_used(), objects);
    }
    mfn_t mfn;
    assert_int_equal(grant_table_frame(dom0, MAX_FRAMES, &mfn), -EINVAL);
    assert_int_equal(grant_table_frame(dom0, 2, &mfn), 0);
    assert_int_equal(dom0->grants->nr_frames, 3);
    assert_int_equal(grant_table_frame(dom0, XENMAPIDX_grant_table_status, &mfn), 0);
    assert_int_equal(grant_table_frame(dom0, XENMAPIDX_grant_table_status | 1, &mfn), -EINVAL);
    assert_int_equal(grant_table_frame(guest, XENMAPIDX_grant_table_status, &mfn), -EINVAL);
}

static void test_versions(void **state)
{
    struct frame *f = guests_frame(dom0, 1);
    u64 list[1];
    struct gnttab_set_version op = {.version = 3};
    struct gnttab_get_status_frames get = {
        .nr_frames = 1, .dom = DOMID_SELF, .frame_list.va = (vaddr_t)list};
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), -EINVAL);
    assert_int_equal(call(GNTTABOP_get_status_frames, &get, 1), 0);
    assert_int_equal(get.status, GNTST_general_error); /* version 1 has none */
    give(dom0, 1, 5, f, GTF_readonly);
    give(dom0, 9, 5, f, 0);
    /* An entry in use beyond the reserved ones forbids the change; a reserved one does not. */
    guests_run(guest->vcpus[0]);
    u32 handle, reserved;
    assert_int_equal(map(0, 9, GNTMAP_device_map, &handle), GNTST_okay);
    assert_int_equal(map(0, 1, GNTMAP_device_map | GNTMAP_readonly, &reserved), GNTST_okay);
    guests_run(dom0->vcpus[0]);
    op.version = 2;
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), -EBUSY);
    assert_int_equal(op.version, 1);
    guests_run(guest->vcpus[0]);
    assert_int_equal(unmap(handle, 0, paddr_of_mfn(frame_mfn(f))), GNTST_okay);
    guests_run(dom0->vcpus[0]);
    version(dom0, 2);
    assert_int_equal(entry2(dom0, 1)->hdr.flags, GTF_permit_access | GTF_readonly);
    assert_int_equal(entry2(dom0, 1)->hdr.domid, 5);
    assert_int_equal(entry2(dom0, 1)->full_page.frame, frame_mfn(f).v);
    assert_int_equal(*grant_status_at(dom0->grants, 1), GTF_reading);
    assert_int_equal(entry2(dom0, 9)->hdr.flags, 0);
    assert_int_equal(call(GNTTABOP_get_status_frames, &get, 1), 0);
    assert_int_equal(get.status, GNTST_okay);
    /*
     * While it maps the status frames, or has entries that version 1 does not know, it stays
     * version 2.
     */
    struct frame *status = frame_of_mfn(MFN(list[0]));
    assert_true(frame_get(status, dom0));
    op.version = 1;
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), -EBUSY);
    assert_int_equal(op.version, 2); /* the answer says what it is */
    frame_put(status);
    op.version = 1;
    entry2(dom0, 2)->hdr.flags = GTF_transitive;
    assert_int_equal(call(GNTTABOP_set_version, &op, 1), -ERANGE);
    entry2(dom0, 2)->hdr.flags = 0;
    version(dom0, 1);
    assert_int_equal(entry1(dom0, 1)->flags, GTF_permit_access | GTF_readonly | GTF_reading);
    guests_run(guest->vcpus[0]);
    assert_int_equal(unmap(reserved, 0, paddr_of_mfn(frame_mfn(f))), GNTST_okay);
    assert_int_equal(entry1(dom0, 1)->flags, GTF_permit_access | GTF_readonly);
    guests_run(dom0->vcpus[0]);
}

static u16 *flags_of_20(u32 table_version)
{
    return table_version == 1 ? &entry1(guest, 20)->flags : grant_status_at(guest->grants, 20);
}

/* What fails leaves nothing behind. */
static void check_failed_mappings(struct frame *f, const u16 *flags)
{
    struct frame *page_table = guests_frame(guest, 0);
    u32 a;
    give(guest, 20, 0, f, GTF_readonly);
    assert_int_equal(map(5, 20, GNTMAP_host_map, &a), GNTST_general_error);
    guests.grant_map_result = GNTST_bad_virt_addr;
    u32 any = GNTMAP_host_map | GNTMAP_device_map;
    assert_int_equal(map(5, 20, any | GNTMAP_readonly, &a), GNTST_bad_virt_addr);
    give(guest, 20, 0, f, 0);
    assert_int_equal(map(5, 20, any, &a), GNTST_bad_virt_addr);
    guests.grant_map_result = GNTST_okay;
    page_table->type = FRAME_TYPE_L1 | 1;
    give(guest, 20, 0, page_table, 0);
    assert_int_equal(map(5, 20, any, &a), GNTST_general_error);
    page_table->type = 0;
    struct frame *foreign = guests_frame(dom0, 0);
    give(guest, 20, 0, foreign, 0);
    assert_int_equal(map(5, 20, any, &a), GNTST_bad_page);
    entry1(guest, 20)->frame = 0xffffffff;
    assert_int_equal(*flags & OWNER_USE, 0);
    assert_int_equal(f->count & FRAME_REFS, 1);
    assert_int_equal(page_table->count & FRAME_REFS, 1);
    assert_int_equal(foreign->count & FRAME_REFS, 1);
    assert_int_equal(guest->grants->claimed, 0);
}

static void run_mapping(u32 table_version)
{
    struct frame *f = guests_frame(guest, 7);
    version(guest, table_version);
    u16 *flags = flags_of_20(table_version);
    u32 a, b;
    give(guest, 20, 0, f, 0);
    assert_int_equal(map(5, 20, 0, &a), GNTST_bad_gntref);
    assert_int_equal(map(77, 20, GNTMAP_host_map, &a), GNTST_bad_domain);
    assert_int_equal(map(DOMID_SELF, 20, GNTMAP_host_map, &a), GNTST_bad_domain);
    assert_int_equal(map(5, 1000000, GNTMAP_host_map, &a), GNTST_bad_gntref);
    assert_int_equal(map(5, 21, GNTMAP_host_map, &a), GNTST_general_error); /* nothing granted */
    assert_int_equal(f->count & FRAME_REFS, 1);

    assert_int_equal(map(5, 20, GNTMAP_host_map | GNTMAP_readonly, &a), GNTST_okay);
    assert_int_equal(*flags & OWNER_USE, GTF_reading);
    assert_int_equal(f->count & FRAME_REFS, 2);
    assert_int_equal(f->type & FRAME_TYPE_COUNT, 0);
    assert_int_equal(map(5, 20, GNTMAP_host_map | GNTMAP_device_map, &b), GNTST_okay);
    assert_int_equal(*flags & OWNER_USE, OWNER_USE);
    assert_int_equal(f->count & FRAME_REFS, 4);
    assert_int_equal(f->type & FRAME_TYPE_COUNT, 2);
    assert_int_not_equal(a, b);
    assert_int_equal(guests.grant_maps, 2);
    assert_int_equal(guest->grants->claimed, 1);
    /* Another domain is not let in, though the entry now names it. */
    give(guest, 20, 6, f, 0);
    guests_run(third->vcpus[0]);
    assert_int_equal(map(5, 20, GNTMAP_host_map, NULL), GNTST_general_error);
    assert_int_equal(unmap(b, 1 << 12, 0), GNTST_bad_handle); /* nor to others' handles */
    guests_run(dom0->vcpus[0]);
    give(guest, 20, 0, f, OWNER_USE);

    assert_int_equal(unmap(99999, 1 << 12, 0), GNTST_bad_handle);
    assert_int_equal(unmap(b, 0, 4), GNTST_general_error);
    guests.grant_unmap_result = GNTST_bad_virt_addr;
    assert_int_equal(unmap(b, 1 << 12, 0), GNTST_bad_virt_addr);
    guests.grant_unmap_result = GNTST_okay;
    assert_int_equal(unmap(b, 1 << 12, 0), GNTST_okay);
    assert_int_equal(guests.flushes, 1);
    assert_int_equal(f->count & FRAME_REFS, 3);
    assert_int_equal(*flags & OWNER_USE, OWNER_USE); /* the device still writes */
    assert_int_equal(unmap(b, 1 << 12, paddr_of_mfn(frame_mfn(f))), GNTST_okay);
    assert_int_equal(*flags & OWNER_USE, GTF_reading);
    assert_int_equal(unmap(b, 1 << 12, 0), GNTST_bad_handle);
    struct gnttab_unmap_and_replace replace = {.host_addr = 1, .new_addr = 2, .handle = a};
    assert_int_equal(call(GNTTABOP_unmap_and_replace, &replace, 1), 0);
    assert_int_equal(replace.status, GNTST_okay);
    assert_int_equal(guests.grant_new_addr, 2);
    assert_int_equal(*flags & OWNER_USE, 0);
    assert_int_equal(f->count & FRAME_REFS, 1);
    assert_int_equal(f->type & FRAME_TYPE_COUNT, 0);
    assert_int_equal(guest->grants->claimed, 0);
    check_failed_mappings(f, flags);
}

static void test_mapping_v1(void **state)
{
    run_mapping(1);
}

static void test_mapping_v2(void **state)
{
    run_mapping(2);
}

static void test_handles_end(void **state)
{
    struct frame *f = guests_frame(guest, 0);
    u32 handle = 0, n = 2 * GRANT_MAPS_PER_PAGE;
    give(guest, 20, 0, f, 0);
    for (u32 i = 0; i < n; i++)
        assert_int_equal(map(5, 20, GNTMAP_device_map, &handle), GNTST_okay);
    assert_int_equal(map(5, 20, GNTMAP_device_map, NULL), GNTST_no_space);
    assert_int_equal(f->count & FRAME_REFS, n + 1);
    assert_int_equal(guest->refs, 2 + n); /* its creator's, its frames', and the mappings' */
    assert_int_equal(unmap(handle, 0, paddr_of_mfn(frame_mfn(f))), GNTST_okay);
    u32 both = GNTMAP_host_map | GNTMAP_device_map;
    assert_int_equal(map(5, 20, both, NULL), GNTST_okay);
    /* The mapper's end, in slices. */
    dom0->dying = DOMAIN_DYING;
    u32 slices = 0;
    do
        guests.preempt_after = 1;
    while (grant_domain_release_mappings(dom0) == -ERESTART && ++slices);
    assert_int_equal(slices, n / 64);
    assert_int_equal(f->count & FRAME_REFS, 1);
    assert_int_equal(guest->refs, 2);
    assert_int_equal(entry1(guest, 20)->flags & OWNER_USE, 0);
    guests.preempt_after = 0;
}

static void test_granter_ends_first(void **state)
{
    struct frame *f = guests_frame(guest, 0);
    u32 handle;
    give(guest, 20, 0, f, 0);
    assert_int_equal(map(5, 20, GNTMAP_host_map, &handle), GNTST_okay);
    end(guest);
    assert_true(frame_release(f));
    assert_int_equal(f->count & FRAME_REFS, 1); /* dom0's mapping */
    assert_int_equal(map(5, 20, GNTMAP_host_map, NULL), GNTST_bad_gntref);
    struct gnttab_setup_table op = {.dom = 5, .nr_frames = 1};
    assert_int_equal(call(GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    assert_int_equal(unmap(handle, 1, 0), GNTST_okay);
    assert_int_equal(guest->refs, 1);
}

static void test_batches(void **state)
{
    static struct gnttab_map_grant_ref maps[100];
    static struct gnttab_unmap_grant_ref unmaps[100];
    struct frame *f = guests_frame(guest, 0);
    for (u32 i = 0; i < 100; i++) {
        give(guest, 20 + i, 0, f, 0);
        maps[i] = (struct gnttab_map_grant_ref){.flags = GNTMAP_host_map, .ref = 20 + i, .dom = 5};
    }
    guests.preempt_after = 2;
    assert_int_equal(call(GNTTABOP_map_grant_ref, maps, 100), 0);
    assert_int_equal(guests.continuations, 1);
    assert_int_equal(guests.continued[0], GNTTABOP_map_grant_ref);
    assert_int_equal(guests.continued[1], (u64)&maps[32]);
    assert_int_equal(guests.continued[2], 68);
    assert_int_equal(guest->grants->claimed, 32);
    assert_int_equal(call(GNTTABOP_map_grant_ref, &maps[32], 68), 0);
    for (u32 i = 0; i < 100; i++) {
        assert_int_equal(maps[i].status, GNTST_okay);
        unmaps[i] = (struct gnttab_unmap_grant_ref){.host_addr = 1, .handle = maps[i].handle};
    }
    assert_int_equal(call(GNTTABOP_unmap_grant_ref, unmaps, 100), 0);
    assert_true(guests.flushes > 0 && guests.flushes < 10);
    assert_int_equal(guest->grants->claimed, 0);
    assert_int_equal(call(GNTTABOP_map_grant_ref, (void *)(1ull << 47), 1), -EFAULT);
    assert_int_equal(call(GNTTABOP_map_grant_ref, NULL, 0), 0);
}

/* One batch may name a handle several times: each part is unmapped once, none is refused for it. */
static void test_unmapped_twice(void **state)
{
    struct frame *f = guests_frame(guest, 0);
    u64 bus = paddr_of_mfn(frame_mfn(f));
    u32 h;
    give(guest, 20, 0, f, 0);
    assert_int_equal(map(5, 20, GNTMAP_host_map | GNTMAP_device_map, &h), GNTST_okay);
    struct gnttab_unmap_grant_ref parts[] = {{.dev_bus_addr = bus + 1, .handle = h},
                                             {.dev_bus_addr = bus, .handle = h},
                                             {.host_addr = 0x1000, .handle = h},
                                             {.dev_bus_addr = bus, .handle = h}};
    assert_int_equal(call(GNTTABOP_unmap_grant_ref, parts, ARRAY_SIZE(parts)), 0);
    assert_int_equal(parts[0].status, GNTST_general_error);
    assert_int_equal(parts[1].status, GNTST_okay);
    assert_int_equal(parts[2].status, GNTST_okay);
    assert_int_equal(parts[3].status, GNTST_bad_handle);
    assert_int_equal(f->count & FRAME_REFS, 1);
    assert_int_equal(guest->grants->claimed, 0);
}

static int copy(struct gnttab_copy op)
{
    op.status = 99;
    assert_int_equal(call(GNTTABOP_copy, &op, 1), 0);
    return op.status;
}

#define GRANT_OF(d, r, o)                                                                          \
    {                                                                                              \
        .u.ref = (r), .domid = (d), .offset = (o)                                                  \
    }
#define FRAME_OF(d, f, o)                                                                          \
    {                                                                                              \
        .u.gmfn = frame_mfn(f).v, .domid = (d), .offset = (o)                                      \
    }
#define COPY(s, d, l, f)                                                                           \
    copy((struct gnttab_copy){.source = s, .dest = d, .len = (l), .flags = (f)})

static void test_copy(void **state)
{
    struct frame *mine = guests_frame(dom0, 1), *theirs = guests_frame(guest, 2);
    char *m = frame_to_virt(mine), *t = frame_to_virt(theirs);
    struct gnttab_copy op = {.source = GRANT_OF(5, 20, 100),
                             .dest = FRAME_OF(DOMID_SELF, mine, 200),
                             .len = 50,
                             .flags = GNTCOPY_source_gref};
    give(guest, 20, 0, theirs, GTF_readonly);
    assert_int_equal(copy(op), GNTST_okay);
    assert_true(m[199] == 1 && m[200] == 2 && m[249] == 2 && m[250] == 1);
    op.source.offset = 4090;
    assert_int_equal(copy(op), GNTST_bad_copy_arg);
    op.source.offset = 0;
    op.dest.offset = 4090;
    assert_int_equal(copy(op), GNTST_bad_copy_arg);
    op.dest.domid = 0; /* its own, but not named as such */
    assert_int_equal(copy(op), GNTST_permission_denied);
    op.dest.domid = DOMID_SELF;
    op.dest.offset = 0;
    op.source.domid = 77;
    assert_int_equal(copy(op), GNTST_bad_domain);
    op.source.domid = 5;
    op.source.u.ref = 1 << 20;
    assert_int_equal(copy(op), GNTST_bad_gntref);
    op.source.u.ref = 20;
    op.dest.u.gmfn = frame_mfn(theirs).v;
    assert_int_equal(copy(op), GNTST_bad_page);
    op.dest.u.gmfn = ~0ull;
    assert_int_equal(copy(op), GNTST_bad_page);
    op.dest.u.gmfn = frame_mfn(mine).v;
    mine->type = FRAME_TYPE_L2 | 1;
    assert_int_equal(copy(op), GNTST_general_error);
    mine->type = 0;

    struct gnttab_copy back = {.source = FRAME_OF(DOMID_SELF, mine, 0),
                               .dest = GRANT_OF(5, 20, 4000),
                               .len = 96,
                               .flags = GNTCOPY_dest_gref};
    assert_int_equal(copy(back), GNTST_general_error); /* granted to be read only */
    give(guest, 20, 0, theirs, 0);
    assert_int_equal(copy(back), GNTST_okay);
    assert_true(t[3999] == 2 && t[4000] == 1 && t[4095] == 1);
    assert_int_equal(entry1(guest, 20)->flags, GTF_permit_access);
    assert_int_equal(mine->count & FRAME_REFS, 1);
    assert_int_equal(theirs->count & FRAME_REFS, 1);
    assert_int_equal(theirs->type & FRAME_TYPE_COUNT, 0);
    assert_int_equal(guest->grants->claimed, 0);
    assert_int_equal(dom0->refs, 2);
    assert_int_equal(guest->refs, 2);
}

static void test_copy_v2(void **state)
{
    struct frame *mine = guests_frame(dom0, 1), *theirs = guests_frame(guest, 2);
    struct frame *far = guests_frame(third, 3);
    char *m = frame_to_virt(mine);
    version(guest, 2);
    version(third, 2);
    /* Part of a frame: to be copied, not mapped. */
    entry2(guest, 30)->sub_page.frame = frame_mfn(theirs).v;
    entry2(guest, 30)->sub_page.page_off = 100;
    entry2(guest, 30)->sub_page.length = 50;
    entry2(guest, 30)->hdr = (struct grant_entry_header){GTF_permit_access | GTF_sub_page, 0};
    assert_int_equal(map(5, 30, GNTMAP_host_map, NULL), GNTST_general_error);
    struct gnttab_copy op = {.source = GRANT_OF(5, 30, 100),
                             .dest = FRAME_OF(DOMID_SELF, mine, 0),
                             .len = 50,
                             .flags = GNTCOPY_source_gref};
    assert_int_equal(copy(op), GNTST_okay);
    assert_true(m[0] == 2 && m[49] == 2 && m[50] == 1);
    op.len = 51;
    assert_int_equal(copy(op), GNTST_general_error);
    op.source.offset = 99;
    op.len = 10;
    assert_int_equal(copy(op), GNTST_general_error);

    /* Transitive: third grants to guest, guest passes it on to dom0. */
    give(third, 40, 5, far, 0);
    entry2(guest, 31)->transitive.trans_domid = 6;
    entry2(guest, 31)->transitive.gref = 40;
    entry2(guest, 31)->hdr = (struct grant_entry_header){GTF_transitive, 0};
    op.source.u.ref = 31;
    op.source.offset = 0;
    assert_int_equal(copy(op), GNTST_okay);
    assert_int_equal(m[0], 3);
    assert_int_equal(map(5, 31, GNTMAP_host_map, NULL), GNTST_general_error);
    give(third, 40, 0, far, 0); /* to somebody else than guest */
    assert_int_equal(copy(op), GNTST_general_error);
    give(third, 40, 5, far, GTF_readonly);
    struct gnttab_copy write = {.source = FRAME_OF(DOMID_SELF, mine, 0),
                                .dest = GRANT_OF(5, 31, 0),
                                .len = 10,
                                .flags = GNTCOPY_dest_gref};
    assert_int_equal(copy(write), GNTST_general_error);
    /* Not twice, and not to itself. */
    entry2(third, 40)->transitive.trans_domid = 0;
    entry2(third, 40)->hdr = (struct grant_entry_header){GTF_transitive, 5};
    assert_int_equal(copy(op), GNTST_general_error);
    entry2(guest, 31)->transitive.trans_domid = 5;
    assert_int_equal(copy(op), GNTST_general_error);
    entry2(guest, 31)->transitive.trans_domid = 77;
    assert_int_equal(copy(op), GNTST_general_error);
    assert_int_equal(guest->grants->claimed + third->grants->claimed, 0);
    assert_int_equal(far->count & FRAME_REFS, 1);
    assert_int_equal(third->refs, 2);
    assert_int_equal(*grant_status_at(guest->grants, 31), 0);
}

static void test_transfer(void **state)
{
    struct frame *f = guests_frame(dom0, 9), *kept = guests_frame(dom0, 9), *held;
    struct gnttab_transfer op = {.mfn = frame_mfn(f).v, .domid = 5, .ref = 20};
    held = guests_frame(dom0, 9);
    *entry1(guest, 20) = (struct grant_entry_v1){GTF_accept_transfer, 0, 0x77};
    assert_int_equal(call(GNTTABOP_transfer, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_ptr_equal(frame_owner(f), guest);
    assert_int_equal(guests.m2p[frame_mfn(f).v], 0x77); /* as the receiver wants to call it */
    assert_int_equal(entry1(guest, 20)->frame, frame_mfn(f).v);
    assert_int_equal(entry1(guest, 20)->flags,
                     GTF_accept_transfer | GTF_transfer_committed | GTF_transfer_completed);
    assert_int_equal(dom0->tot_frames, 2);
    assert_int_equal(guest->tot_frames, 1);
    assert_int_equal(call(GNTTABOP_transfer, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_page); /* it is not dom0's any more */
    /* Something still refers to it. */
    assert_true(frame_get(held, dom0));
    op.mfn = frame_mfn(held).v;
    assert_int_equal(call(GNTTABOP_transfer, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_page);
    frame_put(held);
    /* Nobody takes it: it is lost all the same. */
    op.mfn = frame_mfn(kept).v;
    assert_int_equal(call(GNTTABOP_transfer, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    assert_int_equal(guests.m2p[frame_mfn(kept).v], INVALID_GFN.v);
    assert_int_equal(dom0->tot_frames, 1);
    /* No room for it: the entry is as it was. */
    *entry1(guest, 21) = (struct grant_entry_v1){GTF_accept_transfer, 0, 0};
    guest->max_frames = 1;
    op.mfn = frame_mfn(held).v;
    op.ref = 21;
    assert_int_equal(call(GNTTABOP_transfer, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    assert_int_equal(entry1(guest, 21)->flags, GTF_accept_transfer);
}

static void test_swap(void **state)
{
    struct frame *f = guests_frame(dom0, 0);
    struct gnttab_swap_grant_ref op = {.ref_a = 20, .ref_b = 21};
    for (u32 v = 1; v <= 2; v++) {
        version(dom0, v);
        give(dom0, 20, 5, f, 0);
        op.ref_b = 21;
        assert_int_equal(call(GNTTABOP_swap_grant_ref, &op, 1), 0);
        assert_int_equal(op.status, GNTST_okay);
        assert_int_equal(*grant_header_at(dom0->grants, 20), 0);
        assert_int_equal(*grant_header_at(dom0->grants, 21), 5 << 16 | GTF_permit_access);
        op.ref_b = 1 << 20;
        assert_int_equal(call(GNTTABOP_swap_grant_ref, &op, 1), 0);
        assert_int_equal(op.status, GNTST_bad_gntref);
    }
    guests_run(guest->vcpus[0]);
    assert_int_equal(map(0, 21, GNTMAP_device_map, NULL), GNTST_okay);
    guests_run(dom0->vcpus[0]);
    op.ref_b = 21;
    assert_int_equal(call(GNTTABOP_swap_grant_ref, &op, 1), 0);
    assert_int_equal(op.status, GNTST_eagain);
}

/* Random use of tables whose entries are rewritten all the time: the books balance in teardown. */
static void test_random(void **state)
{
    struct domain *all[] = {dom0, guest, third};
    struct frame *frames[3][4];
    u32 held[3] = {0}, handles[3][64];
    srand(11);
    for (u32 i = 0; i < 12; i++)
        frames[i / 4][i % 4] = guests_frame(all[i / 4], (u8)i);
    for (u32 i = 0; i < 60000; i++) {
        u32 who = (u32)rand() % 3, other = (u32)rand() % 3, ref = 8 + (u32)rand() % 4;
        struct domain *d = all[who];
        guests_run(d->vcpus[0]);
        switch (rand() % 6) {
        case 0: {
            u32 value =
                (u32)rand() % 2 ? (u32)rand() : (u32)GTF_permit_access | (u32)all[other]->id << 16;
            if (d->grants->version == 1)
                entry1(d, ref)->frame = (u32)frame_mfn(frames[who][rand() % 4]).v;
            else
                entry2(d, ref)->full_page.frame = frame_mfn(frames[who][rand() % 4]).v;
            *grant_header_at(d->grants, ref) = value;
            break;
        }
        case 1: {
            u32 flags = GNTMAP_device_map | (rand() % 2 ? GNTMAP_readonly : 0), handle;
            if (held[who] < 64 && map(all[other]->id, ref, flags, &handle) == GNTST_okay)
                handles[who][held[who]++] = handle;
            break;
        }
        case 2: {
            if (!held[who])
                break;
            u32 k = (u32)rand() % held[who];
            struct grant_map *m = &d->grants->maps[0][handles[who][k]];
            struct frame *f = grant_active_at(m->granter->grants, m->ref)->frame;
            assert_int_equal(unmap(handles[who][k], 0, paddr_of_mfn(frame_mfn(f))), GNTST_okay);
            handles[who][k] = handles[who][--held[who]];
            break;
        }
        case 3:
            (void)copy((struct gnttab_copy){.source = GRANT_OF(all[other]->id, ref, 0),
                                            .dest = GRANT_OF(all[rand() % 3]->id, ref, 0),
                                            .len = 8,
                                            .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref});
            break;
        case 4: {
            struct gnttab_set_version op = {.version = 1 + (u32)rand() % 2};
            if (rand() % 20 == 0)
                (void)call(GNTTABOP_set_version, &op, 1);
            break;
        }
        default: {
            struct gnttab_swap_grant_ref op = {.ref_a = ref, .ref_b = 8 + (u32)rand() % 4};
            (void)call(GNTTABOP_swap_grant_ref, &op, 1);
        }
        }
    }
    for (u32 i = 0; i < 3; i++)
        end(all[i]);
    for (u32 i = 0; i < 12; i++) {
        assert_int_equal(frames[i / 4][i % 4]->count & FRAME_REFS, 1);
        assert_int_equal(frames[i / 4][i % 4]->type & FRAME_TYPE_COUNT, 0);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(setup),       T(growth_fails),       T(versions), T(mapping_v1),     T(mapping_v2),
        T(handles_end), T(granter_ends_first), T(batches),  T(unmapped_twice), T(copy),
        T(copy_v2),     T(transfer),           T(swap),     T(random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
