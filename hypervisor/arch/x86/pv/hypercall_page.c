/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypercall page of a PV guest: the hypervisor fills one of the guest's pages with entry
 * points, one for each number, so that guests need not know how a hypercall is made. For domain 0
 * its builder asks, for others the tools.
 *
 * An entry has 32 bytes: number to eax, SYSCALL, return; the ABI lets a kernel use rcx and r11
 * across it. That of iret leaves rcx, r11 and rax in the frame that the hypervisor reads.
 */
#include "abi/xen.h"
#include "lib/string.h"
#include "x86/pv.h"

#define STUB_BYTES  32u
#define STUB_NUMBER 4    /* where the number stands in it */
#define STUB_FILL   0xcc /* INT3 */

void pv_hypercall_page_write(void *page)
{
    static const u8 call[] = {0x51, 0x41, 0x53, 0xb8, 0,    0,    0,
                              0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
    static const u8 iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05};
    memset(page, STUB_FILL, PAGE_SIZE);
    for (u32 n = 0; n < PAGE_SIZE / STUB_BYTES; n++) {
        u8 *stub = (u8 *)page + n * STUB_BYTES;
        memcpy(stub, call, sizeof(call));
        stub[STUB_NUMBER] = (u8)n;
        if (n == __HYPERVISOR_iret) {
            memset(stub, STUB_FILL, STUB_BYTES);
            memcpy(stub, iret, sizeof(iret));
        }
    }
}
