/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies to and from the memory of the guest that runs, of any size: the out-of-line half of
 * machine/guest_access.h.
 */
#include "core/guest_access.h"
#include "errno.h"

int copy_faultable(void *to, const void *from, size_t bytes);
int clear_faultable(void *to, size_t bytes);

bool guest_range_ok(vaddr_t va, u64 bytes)
{
    u64 place;
    return guest_place(va, bytes, &place);
}

int(guest_copy_in)(void *to, vaddr_t from, size_t bytes)
{
    u64 place;
    if (!guest_place(from, bytes, &place))
        return -EFAULT;
    guest_access_begin();
    int error = copy_faultable(to, (const void *)place, bytes);
    guest_access_end();
    return error;
}

int(guest_copy_out)(vaddr_t to, const void *from, size_t bytes)
{
    u64 place;
    if (!guest_place(to, bytes, &place))
        return -EFAULT;
    guest_access_begin();
    int error = copy_faultable((void *)place, from, bytes);
    guest_access_end();
    return error;
}

int guest_clear(vaddr_t to, size_t bytes)
{
    u64 place;
    if (!guest_place(to, bytes, &place))
        return -EFAULT;
    guest_access_begin();
    int error = clear_faultable((void *)place, bytes);
    guest_access_end();
    return error;
}
