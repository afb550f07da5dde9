/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much domain 0 gets: the options dom0_mem=, dom0_max_vcpus= and dom0_vcpus_pin, and what is
 * sensible where they say nothing.
 */
#include "core/cmdline.h"
#include "core/domain.h"
#include "errno.h"
#include "lib/print.h"
#include "lib/string.h"
#include "x86/dom0.h"

/*
 * dom0_mem=[amount][,min:amount][,max:amount]; an amount is size, percentage% of what there is, or
 * size+percentage%. A negative one means all but that much.
 */
struct memory_amount {
    bool given, negative;
    u64 bytes;
    u32 percent;
};

struct memory_amounts {
    struct memory_amount wanted, min, max;
};

static struct memory_amounts mem;
static u64 pages_offered; /* to dom0_choose_pages() */
static u32 vcpus_min, vcpus_max = ~0u;
bool dom0_vcpus_pin;

OPTION_DEFINE_BOOL("dom0_vcpus_pin", dom0_vcpus_pin);

static int parse_amount(const char **text, struct memory_amount *out)
{
    const char *end;
    struct memory_amount a = {.given = true};
    if (**text == '-') {
        a.negative = true;
        (*text)++;
    }
    u64 percent = 0;
    if (!cmdline_parse_number(*text, &percent, &end) && *end == '%') {
        end++;
    } else {
        percent = 0;
        if (cmdline_parse_size(*text, &a.bytes, &end))
            return -EINVAL;
        if (*end == '+' && (cmdline_parse_number(end + 1, &percent, &end) || *end++ != '%'))
            return -EINVAL;
    }
    if ((*end && *end != ',') || percent >= 100)
        return -EINVAL;
    a.percent = (u32)percent;
    *out = a;
    *text = *end ? end + 1 : end;
    return 0;
}

static int parse_dom0_mem(const char *text)
{
    struct memory_amounts amounts = mem;
    if (!*text)
        return -EINVAL;
    while (*text) {
        struct memory_amount *into = &amounts.wanted;
        if (!strncmp(text, "min:", 4))
            into = &amounts.min;
        else if (!strncmp(text, "max:", 4))
            into = &amounts.max;
        if (into != &amounts.wanted)
            text += 4;
        if (parse_amount(&text, into))
            return -EINVAL;
    }
    mem = amounts;
    return 0;
}

OPTION_DEFINE_CUSTOM("dom0_mem", parse_dom0_mem);

static u64 amount_pages(const struct memory_amount *a, u64 available)
{
    u64 pages = (a->bytes >> PAGE_SHIFT) + available * a->percent / 100;
    if (!a->negative)
        return pages;
    return pages < available ? available - pages : 0;
}

/*
 * What the hypervisor keeps for itself and for what domain 0 makes it allocate: 1/16, at most 128
 * MiB.
 */
static u64 default_pages(u64 available)
{
    return available - MIN(available / 16, MIB(128) >> PAGE_SHIFT);
}

u64 dom0_choose_pages(u64 available)
{
    const struct memory_amount *wanted = &mem.wanted;
    bool says_something = wanted->bytes || wanted->percent || wanted->negative;
    u64 pages = says_something ? amount_pages(wanted, available) : default_pages(available);
    pages_offered = available;
    if (mem.min.given)
        pages = MAX(pages, amount_pages(&mem.min, available));
    if (mem.max.given)
        pages = MIN(pages, amount_pages(&mem.max, available));
    if (pages > available) {
        u64 fits = default_pages(available);
        log_warning("dom0_mem: %lu MiB wanted, but only %lu MiB are free; domain 0 gets %lu MiB",
                    (unsigned long)(pages >> 8), (unsigned long)(available >> 8),
                    (unsigned long)(fits >> 8));
        pages = fits;
    }
    return pages;
}

u64 dom0_choose_max_pages(u64 pages)
{
    return mem.max.given ? MAX(amount_pages(&mem.max, pages_offered), pages) : ~0ull;
}

/* dom0_max_vcpus=number, or a range, either end of which may be left out; 0: as if not given. */
static int parse_dom0_max_vcpus(const char *text)
{
    u64 min = 0, max = ~0u;
    const char *end = text;
    if (*text != '-' && cmdline_parse_number(text, &min, &end))
        return -EINVAL;
    if (*end == '-') {
        if (*++end && cmdline_parse_number(end, &max, &end))
            return -EINVAL;
    } else if (min) {
        max = min;
    }
    if (*end || !max || min > max || max > ~0u)
        return -EINVAL;
    vcpus_min = (u32)min;
    vcpus_max = (u32)max;
    return 0;
}
OPTION_DEFINE_CUSTOM("dom0_max_vcpus", parse_dom0_max_vcpus);

u32 dom0_choose_vcpus(u32 cpus)
{
    u32 n = MIN(MAX(cpus, vcpus_min), vcpus_max);
    if (n > NR_DOMAIN_VCPUS_MAX) {
        log_warning("dom0_max_vcpus=%u: a domain has at most %u", n, NR_DOMAIN_VCPUS_MAX);
        n = NR_DOMAIN_VCPUS_MAX;
    }
    return n;
}
