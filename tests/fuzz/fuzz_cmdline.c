/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, with an option of each kind and those of domain 0. The input's first four bytes
 * are the MiB of the machine and its CPUs (and whether the line begins with a name); the rest is
 * the line.
 */
#include "demand.h"
#include "hypervisor/arch/x86/dom0/config.c"

#define NR_OPTIONS      6
#define CMDLINE_BYTES   1024
#define TEXT_BYTES      16
#define MIB_TO_PAGES(n) ((u64)(n) << 8)

static u8 flag; /* not bool: whatever is written there can be seen */
static u32 number;
static char text[TEXT_BYTES];

/* The linker script makes this table of all options. */
extern struct option __options_start[];
struct option __options_start[NR_OPTIONS] = {
    {.name = "flag", .kind = OPTION_BOOL, .value = &flag, .size = sizeof(flag)},
    {.name = "num_ber", .kind = OPTION_UINT, .value = &number, .size = sizeof(number)},
    {.name = "text", .kind = OPTION_STRING, .value = text, .size = sizeof(text)},
};
STATIC_ASSERT(sizeof(struct option) == 40);
__asm__(".globl __options_end\n.set __options_end, __options_start + 6 * 40");

/* Formats what it is told, to see whether the texts are. */
void log_line(enum log_level level, const char *fmt, ...)
{
    char line[2 * CMDLINE_BYTES];
    va_list args;
    (void)level;
    va_start(args, fmt);
    demand(vsnprintf(line, sizeof(line), fmt, args) > 0);
    va_end(args);
}

static void options_reset(void)
{
    __options_start[3] = option_parse_dom0_mem;
    __options_start[4] = option_parse_dom0_max_vcpus;
    __options_start[5] = option_dom0_vcpus_pin;
    flag = 0;
    number = 0;
    memset(text, 0, sizeof(text));
    memset(&mem, 0, sizeof(mem));
    vcpus_min = 0;
    vcpus_max = ~0u;
    dom0_vcpus_pin = false;
}

static void dom0_check(u64 available, u32 cpus)
{
    u64 pages = dom0_choose_pages(available);
    demand(pages <= available);
    demand(dom0_choose_max_pages(pages) >= pages);
    u32 vcpus = dom0_choose_vcpus(cpus);
    demand(vcpus >= 1 && vcpus <= NR_DOMAIN_VCPUS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    u32 mib = data[0] | (u32)data[1] << 8 | (u32)data[2] << 16;
    u32 cpus = 1 + data[3] % 64;
    char *line = malloc(size - 4 + 1);
    demand(line);
    memcpy(line, data + 4, size - 4);
    line[size - 4] = 0;
    options_reset();
    cmdline_parse(line, data[3] & 64);
    cmdline_report();
    demand(flag <= 1);
    demand(memchr(text, 0, sizeof(text)));
    demand(strlen(cmdline_text()) < CMDLINE_BYTES && strstr(line, cmdline_text()));
    demand(strstr(line, cmdline_for_domain0()));
    free(line);
    dom0_check(MIB_TO_PAGES(mib), cpus);
    return 0;
}
