/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The conformance probe: issues a fixed list of hypercalls from domain 0's user space, through the
 * kernel's /dev/xen/privcmd, and prints what came back. Run on Domus and on Debian's Xen it must
 * print the same (test_conformance.py). It runs on vCPU 0, and changes nothing that outlives it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

/* Linux: the argument of privcmd's hypercall request. */
struct privcmd_hypercall {
    uint64_t number;
    uint64_t arguments[5];
};
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))

#define SMALL_PAGE 4096

static int device;
static const char *group_name = "";

long hypercall(uint64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
    struct privcmd_hypercall call = {.number = number, .arguments = {a1, a2, a3, a4, a5}};
    /* Not ioctl(), whose result is an int. */
    long value = syscall(SYS_ioctl, device, PRIVCMD_HYPERCALL, &call);
    return value == -1 ? -errno : value;
}

void group(const char *name)
{
    group_name = name;
}

void line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("PROBE %s ", group_name);
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    va_end(arguments);
}

long result(const char *name, long value)
{
    line("%s = %ld", name, value);
    return value;
}

void *page_new(void)
{
    void *page = mmap(NULL, SMALL_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (page == MAP_FAILED || mlock(page, SMALL_PAGE)) {
        perror("probe: memory");
        exit(2);
    }
    return page;
}

void bad_addresses(const char *name, uint64_t number, uint64_t cmd)
{
    line("%s(unmapped) = %ld", name, hypercall(number, cmd, BAD_UNMAPPED, 0, 0, 0));
    line("%s(not canonical) = %ld", name, hypercall(number, cmd, BAD_NONCANONICAL, 0, 0, 0));
    line("%s(hypervisor's) = %ld", name, hypercall(number, cmd, BAD_HYPERVISOR, 0, 0, 0));
}

unsigned cpus_seen(void)
{
    return (unsigned)sysconf(_SC_NPROCESSORS_CONF);
}

int main(void)
{
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    if (sched_setaffinity(0, sizeof(first), &first) || mlockall(MCL_CURRENT | MCL_FUTURE)) {
        perror("probe");
        return 2;
    }
    device = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    if (device < 0) {
        perror("probe: /dev/xen/privcmd");
        return 2;
    }
    probe_version();
    probe_sched();
    probe_vcpu();
    probe_memory();
    probe_memory_change();
    probe_event();
    probe_event_ports();
    probe_grant();
    probe_physdev();
    probe_platform();
    probe_mca();
    probe_tools();
    probe_offline();
    probe_mmu();
    probe_processor();
    probe_console();
    probe_table();
    printf("PROBE end\n");
    return 0;
}
