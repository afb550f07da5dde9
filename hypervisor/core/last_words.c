/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Last words: the newest lines of the log and of domain 0's console, kept in memory that neither a
 * warm reboot nor the next start writes to (the architecture chooses it), so that a run that did
 * not end in order is explained by the next one.
 *
 * All of them go to the ring of `xl dmesg`, but only the run's errors to the console (last_words=):
 * what domain 0 or a healthy hypervisor said then must not be taken for what it says now, by a
 * person or by a program that waits for it.
 *
 * The area is an array of slots, one line in each, and each vouches for itself: a line that was
 * being written when the machine died, or that somebody wrote over, is left out. Line number n is
 * in slot n % slots. Writers take a number by one atomic addition and need no lock, so panics and
 * NMIs may write too.
 */
#include "core/last_words.h"
#include "arch/cpu.h"
#include "core/cmdline.h"
#include "lib/print.h"
#include "lib/string.h"

#define MAGIC 0x3264726f77736d44ull /* "Dmsword2" */

struct slot {
    u64 magic;
    u32 number, checksum;
    u32 length, is_error;
    char text[LAST_WORDS_SLOT - 24];
} packed;

static struct slot *slots;
static u32 nr_slots, next_number;

/* What of them the console shows: values of last_words=. */
static const char *const selection_names[] = {"none", "errors", "all"};
static enum { SELECT_NONE, SELECT_ERRORS, SELECT_ALL } selection = SELECT_ERRORS;

static int option_last_words(const char *value)
{
    int word = cmdline_parse_word(value, selection_names, ARRAY_SIZE(selection_names));
    if (word < 0)
        return word;
    selection = (u32)word;
    return 0;
}
OPTION_DEFINE_CUSTOM("last_words", option_last_words);

/* FNV-1a. */
static u32 checksum(const struct slot *s)
{
    u32 sum = (2166136261u ^ s->number) * 16777619u;
    sum = (sum ^ s->is_error) * 16777619u;
    for (u32 i = 0; i < s->length; i++)
        sum = (sum ^ (u8)s->text[i]) * 16777619u;
    return sum;
}

static bool slot_is_sound(const struct slot *s)
{
    return s->magic == MAGIC && s->length <= sizeof(s->text) && s->checksum == checksum(s);
}

static void words_log(const struct slot *area, u32 count, u32 newest)
{
    log_warning("the run before this one did not end in order; of the last of its %u lines: %s",
                newest - count + 1, selection_names[selection]);
    for (u32 n = newest - count + 1; n != newest + 1; n++) {
        const struct slot *s = &area[n % count];
        if (!slot_is_sound(s) || s->number != n)
            continue;
        if (selection == SELECT_ALL || (selection == SELECT_ERRORS && s->is_error))
            log_warning("| %.*s", (int)s->length, s->text);
        else
            log_to_ring("| %.*s", (int)s->length, s->text);
    }
    log_warning("(end of the last words; `xl dmesg` and the option last_words=all show all)");
}

void last_words_init(void *area, size_t bytes)
{
    struct slot *found = area;
    u32 count = (u32)(bytes / sizeof(*found)), newest = 0;
    for (u32 i = 0; i < count; i++)
        if (slot_is_sound(&found[i]) && found[i].number % count == i)
            newest = MAX(newest, found[i].number);
    if (newest >= count)
        words_log(found, count, newest);
    nr_slots = count;
    next_number = count;
    WRITE_ONCE(slots, found);
    last_words_forget();
}

void last_words_add(const char *line, size_t bytes, bool is_error)
{
    if (!slots)
        return;
    u32 number = __atomic_fetch_add(&next_number, 1, __ATOMIC_RELAXED);
    struct slot *s = &slots[number % nr_slots];
    s->magic = 0;
    s->number = number;
    s->is_error = is_error;
    s->length = (u32)MIN(bytes, sizeof(s->text));
    memcpy(s->text, line, s->length);
    s->checksum = checksum(s);
    s->magic = MAGIC;
    memory_write_back(s, sizeof(*s));
}

void last_words_forget(void)
{
    if (!slots)
        return;
    memset(slots, 0, nr_slots * sizeof(*slots));
    memory_write_back(slots, nr_slots * sizeof(*slots));
}
