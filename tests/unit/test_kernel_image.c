/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF files and kernels' Xen notes: a small kernel is put together in memory, as Linux's
 * is laid out, then one thing after another is made wrong in it. Files have their exact size on the
 * heap, for the sanitizer to watch.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "errno.h"
#include "abi/elfnote.h"
#include "abi/features.h"
#include "abi/xen.h"
#include "lib/kernel_image.h"
#include "lib/string.h"

#define BASE      0xFFFFFFFF80000000ull
#define NOTES_AT  0x400
#define NOTES_MAX 0x400
#define TEXT_AT   0x1000
#define TEXT_SIZE 0x800
#define DATA_AT   0x1800
#define DATA_SIZE 0x300
#define FILE_SIZE 0x1B00
#define TEXT_PA   0x1000000ull
#define DATA_PA   0x1200000ull

/* A kernel under construction. */
struct kernel {
    u8 *file;
    size_t size;
    size_t notes_size;
};

static Elf64_Ehdr *header(struct kernel *k)
{
    return (Elf64_Ehdr *)k->file;
}

static Elf64_Phdr *segment(struct kernel *k, int index)
{
    return (Elf64_Phdr *)(k->file + sizeof(Elf64_Ehdr)) + index;
}

static Elf64_Shdr *sections(struct kernel *k)
{
    return (Elf64_Shdr *)(k->file + 0x200);
}

static void note_add(struct kernel *k, const char *name, u32 type, const void *desc, u32 size)
{
    u8 *at = k->file + NOTES_AT + k->notes_size;
    u32 name_size = (u32)strlen(name) + 1;

    memcpy(at, (u32[]){name_size, size, type}, 12);
    memcpy(at + 12, name, name_size);
    memcpy(at + 12 + ROUND_UP(name_size, 4), desc, size);
    k->notes_size += 12 + ROUND_UP(name_size, 4) + ROUND_UP(size, 4);
    assert_true(k->notes_size <= NOTES_MAX);
    segment(k, 2)->p_filesz = k->notes_size;
    sections(k)[1].sh_size = k->notes_size;
}

static void note_text(struct kernel *k, u32 type, const char *text)
{
    note_add(k, "Xen", type, text, (u32)strlen(text) + 1);
}

static void note_64(struct kernel *k, u32 type, u64 number)
{
    note_add(k, "Xen", type, &number, 8);
}

static void note_32(struct kernel *k, u32 type, u32 number)
{
    note_add(k, "Xen", type, &number, 4);
}

/* Headers, two segments to load and a place for notes, but no notes. */
static struct kernel kernel_bare(void)
{
    struct kernel k = {.file = calloc(1, FILE_SIZE), .size = FILE_SIZE};

    assert_non_null(k.file);
    memcpy(header(&k)->e_ident,
           "\x7F"
           "ELF\2\1\1",
           7);
    header(&k)->e_type = ET_EXEC;
    header(&k)->e_machine = EM_X86_64;
    header(&k)->e_version = 1;
    header(&k)->e_entry = TEXT_PA;
    header(&k)->e_phoff = sizeof(Elf64_Ehdr);
    header(&k)->e_phentsize = sizeof(Elf64_Phdr);
    header(&k)->e_phnum = 3;
    header(&k)->e_shoff = 0x200;
    header(&k)->e_shentsize = sizeof(Elf64_Shdr);
    header(&k)->e_shnum = 2;
    *segment(&k, 0) = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, TEXT_AT,   BASE + TEXT_PA,
                                   TEXT_PA, TEXT_SIZE,   TEXT_SIZE, 0x200000};
    *segment(&k, 1) =
        (Elf64_Phdr){PT_LOAD, PF_R | PF_W, DATA_AT, 0, DATA_PA, DATA_SIZE, 0x3000, 0x200000};
    *segment(&k, 2) = (Elf64_Phdr){PT_NOTE, PF_R, NOTES_AT, 0, 0, 0, 0, 4};
    sections(&k)[1] = (Elf64_Shdr){.sh_type = SHT_NOTE, .sh_offset = NOTES_AT, .sh_addralign = 4};
    for (size_t i = TEXT_AT; i < FILE_SIZE; i++)
        k.file[i] = (u8)(i * 7);
    return k;
}

/* The notes that no PV kernel does without. */
static void notes_minimal(struct kernel *k)
{
    note_text(k, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    note_text(k, XEN_ELFNOTE_LOADER, "generic");
    note_64(k, XEN_ELFNOTE_VIRT_BASE, BASE);
    note_64(k, XEN_ELFNOTE_ENTRY, BASE + TEXT_PA + 0x10);
}

static struct kernel kernel_full(void)
{
    struct kernel k = kernel_bare();

    note_add(&k, "GNU", 3, "build-id", 8);
    notes_minimal(&k);
    note_text(&k, XEN_ELFNOTE_GUEST_OS, "linux");
    note_text(&k, XEN_ELFNOTE_GUEST_VERSION, "2.6");
    note_text(&k, XEN_ELFNOTE_PAE_MODE, "yes");
    note_text(&k, XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb|unheard_of");
    note_32(&k, XEN_ELFNOTE_SUPPORTED_FEATURES, 1 << XENFEAT_dom0);
    note_64(&k, XEN_ELFNOTE_HYPERCALL_PAGE, BASE + DATA_PA + 0x1000);
    note_64(&k, XEN_ELFNOTE_INIT_P2M, 0x8000000000);
    note_32(&k, XEN_ELFNOTE_MOD_START_PFN, 1);
    note_32(&k, XEN_ELFNOTE_SUSPEND_CANCEL, 1);
    note_64(&k, XEN_ELFNOTE_HV_START_LOW, 0xFFFF800000000000);
    note_add(&k, "Xen", XEN_ELFNOTE_L1_MFN_VALID, (u64[]){1, 1}, 16);
    note_64(&k, XEN_ELFNOTE_PADDR_OFFSET, 0);
    note_64(&k, XEN_ELFNOTE_PHYS32_ENTRY, 0x1000850);
    return k;
}

static int parse(const struct kernel *k, struct kernel_image *image)
{
    const char *why = NULL;
    int error = kernel_image_parse(k->file, k->size, image, &why);

    if (error)
        assert_non_null(why);
    return error;
}

static int check_pv(const struct kernel_image *image)
{
    const char *why = NULL;
    int error = kernel_image_check_pv(image, &why);

    if (error)
        assert_non_null(why);
    return error;
}

static void test_notes(void **state)
{
    struct kernel k = kernel_full();
    struct kernel_image i;

    (void)state;
    assert_int_equal(parse(&k, &i), 0);
    assert_int_equal(check_pv(&i), 0);
    assert_string_equal(i.guest_os, "linux");
    assert_string_equal(i.guest_version, "2.6");
    assert_string_equal(i.xen_version, "xen-3.0");
    assert_string_equal(i.loader, "generic");
    assert_string_equal(i.pae_mode, "yes");
    assert_null(i.bsd_symtab);
    assert_true(i.features.required == BIT(XENFEAT_writable_page_tables));
    assert_true(i.features.supported == (BIT(XENFEAT_writable_page_tables) | BIT(XENFEAT_dom0) |
                                         BIT(XENFEAT_pae_pgdir_above_4gb)));
    assert_true(i.features.listed);
    assert_true(i.hypercall_page.present && i.hypercall_page.value == BASE + DATA_PA + 0x1000);
    assert_true(i.init_p2m.present && i.init_p2m.value == 0x8000000000);
    assert_true(i.mod_start_pfn.present && i.mod_start_pfn.value == 1);
    assert_true(i.suspend_cancel.present && i.suspend_cancel.value == 1);
    assert_true(i.hv_start_low.present && i.hv_start_low.value == 0xFFFF800000000000);
    assert_true(i.phys32_entry.present && i.phys32_entry.value == 0x1000850);
    assert_true(i.l1_mfn_valid.present && i.l1_mfn_valid.mask == 1 && i.l1_mfn_valid.value == 1);
    assert_true(i.entry == BASE + TEXT_PA + 0x10 && i.virt_base == BASE && i.paddr_offset == 0);
    assert_true(i.virt_kstart == BASE + TEXT_PA && i.virt_kend == BASE + DATA_PA + 0x3000);
    free(k.file);
}

static void test_segments(void **state)
{
    struct kernel k = kernel_full();
    struct kernel_image i;
    struct kernel_segment s;

    (void)state;
    assert_int_equal(parse(&k, &i), 0);
    assert_int_equal(i.elf.segments, 2);
    s = kernel_image_segment(&i, 0);
    assert_true(s.data == k.file + TEXT_AT && s.file_size == TEXT_SIZE);
    assert_true(s.vaddr == BASE + TEXT_PA && s.paddr == TEXT_PA && s.memory_size == TEXT_SIZE);
    s = kernel_image_segment(&i, 1); /* as Linux's per-CPU data: its p_vaddr is 0 */
    assert_true(s.data == k.file + DATA_AT && s.file_size == DATA_SIZE);
    assert_true(s.vaddr == BASE + DATA_PA && s.paddr == DATA_PA && s.memory_size == 0x3000);
    assert_true(i.elf.segment[0].executable && !i.elf.segment[0].writable);
    assert_true(!i.elf.segment[1].executable && i.elf.segment[1].writable);
    free(k.file);
}

/* Absent notes, and those that shift addresses. */
static void test_defaults(void **state)
{
    struct kernel k = kernel_bare();
    struct kernel_image i;

    (void)state;
    note_text(&k, XEN_ELFNOTE_XEN_VERSION, "xen-3.0");
    note_text(&k, XEN_ELFNOTE_GUEST_OS, "linux");
    assert_int_equal(parse(&k, &i), 0);
    assert_int_equal(check_pv(&i), -EOPNOTSUPP); /* nothing says that it is for PV */
    note_64(&k, XEN_ELFNOTE_VIRT_BASE, 0);
    assert_int_equal(parse(&k, &i), 0);
    assert_int_equal(check_pv(&i), 0);
    assert_true(i.virt_base == 0 && i.paddr_offset == 0 && i.entry == TEXT_PA);
    assert_true(i.virt_kstart == TEXT_PA && i.virt_kend == DATA_PA + 0x3000);
    assert_false(i.hypercall_page.present || i.init_p2m.present || i.phys32_entry.present ||
                 i.l1_mfn_valid.present || i.hv_start_low.present);

    /* Physical addresses that are virtual ones, as old kernels have. */
    segment(&k, 0)->p_paddr += BASE;
    segment(&k, 1)->p_paddr += BASE;
    note_64(&k, XEN_ELFNOTE_VIRT_BASE, BASE);
    note_64(&k, XEN_ELFNOTE_PADDR_OFFSET, BASE);
    note_64(&k, XEN_ELFNOTE_ENTRY, BASE + TEXT_PA);
    assert_int_equal(parse(&k, &i), 0);
    assert_int_equal(check_pv(&i), 0);
    assert_true(i.virt_kstart == BASE + TEXT_PA);
    assert_true(kernel_image_segment(&i, 0).paddr == TEXT_PA);
    assert_true(kernel_image_segment(&i, 0).vaddr == BASE + TEXT_PA);

    /* Sections are looked at only when no segment has notes. */
    segment(&k, 2)->p_type = PT_NULL;
    assert_int_equal(parse(&k, &i), 0);
    assert_string_equal(i.guest_os, "linux");
    header(&k)->e_shoff = 0;
    assert_int_equal(parse(&k, &i), -EOPNOTSUPP);
    free(k.file);
}

/* One number in the file's headers, and the error when it stands there. */
struct wrong {
    size_t offset;
    size_t size;
    u64 value;
    int error;
};

#define EHDR(field, value, error)                                                                  \
    {                                                                                              \
        offsetof(Elf64_Ehdr, field), sizeof(((Elf64_Ehdr *)0)->field), value, error                \
    }
#define PHDR(i, field, value, error)                                                               \
    {                                                                                              \
        sizeof(Elf64_Ehdr) + (i) * sizeof(Elf64_Phdr) + offsetof(Elf64_Phdr, field),               \
            sizeof(((Elf64_Phdr *)0)->field), value, error                                         \
    }

static void test_wrong_headers(void **state)
{
    static const struct wrong wrongs[] = {
        {0, 1, 'E', -ENOEXEC},
        {EI_CLASS, 1, ELFCLASS32, -EOPNOTSUPP},
        {EI_DATA, 1, ELFDATA2MSB, -EOPNOTSUPP},
        EHDR(e_type, ET_REL, -EOPNOTSUPP),
        EHDR(e_machine, EM_386, -EOPNOTSUPP),
        EHDR(e_version, 2, -EOPNOTSUPP),
        EHDR(e_phnum, 0, -ENOEXEC),
        EHDR(e_phnum, 0xFFFF, -ENOEXEC),
        EHDR(e_phentsize, 32, -ENOEXEC),
        EHDR(e_phoff, FILE_SIZE - 100, -ENOEXEC),
        EHDR(e_phoff, ~0ull - 10, -ENOEXEC),
        EHDR(e_shentsize, 40, -ENOEXEC),
        EHDR(e_shoff, FILE_SIZE - 100, -ENOEXEC),
        EHDR(e_shoff, ~0ull, -ENOEXEC),
        PHDR(0, p_offset, FILE_SIZE - TEXT_SIZE + 1, -ENOEXEC),
        PHDR(0, p_offset, ~0ull - 100, -ENOEXEC),
        PHDR(0, p_filesz, ~0ull, -ENOEXEC),
        PHDR(0, p_memsz, TEXT_SIZE - 1, -ENOEXEC),
        PHDR(0, p_memsz, ~0ull, -ENOEXEC),
        PHDR(0, p_paddr, ~0ull - 100, -ENOEXEC),
        PHDR(0, p_vaddr, ~0ull - 100, -ENOEXEC),
        PHDR(0, p_memsz, DATA_PA - TEXT_PA + 1, -ENOEXEC), /* overlaps the next */
        PHDR(1, p_paddr, TEXT_PA + TEXT_SIZE - 1, -ENOEXEC),
        PHDR(2, p_offset, FILE_SIZE, -ENOEXEC),
        PHDR(2, p_filesz, FILE_SIZE, -ENOEXEC),
        PHDR(2, p_filesz, 21, -ENOEXEC), /* cuts a note */
    };
    struct kernel_image image;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
        struct kernel k = kernel_full();
        int error;

        memcpy(k.file + wrongs[i].offset, &wrongs[i].value, wrongs[i].size);
        error = parse(&k, &image);
        if (error != wrongs[i].error)
            fail_msg("case %zu: %d instead of %d", i, error, wrongs[i].error);
        free(k.file);
    }
    struct kernel k = kernel_full();
    segment(&k, 0)->p_type = PT_NULL;
    segment(&k, 1)->p_type = PT_NULL;
    assert_int_equal(parse(&k, &image), -ENOEXEC);
    free(k.file);
}

static void test_too_many(void **state)
{
    struct kernel k = kernel_full();
    struct kernel_image image;

    (void)state;
    /* Segments: one byte each, one after another, over the sections and notes. */
    header(&k)->e_phnum = 3 + ELF_SEGMENTS_MAX - 1;
    header(&k)->e_shoff = 0;
    for (u32 i = 3; i < header(&k)->e_phnum; i++)
        *segment(&k, (int)i) = (Elf64_Phdr){PT_LOAD, PF_R, 0, 0, i, 1, 1, 1};
    assert_int_equal(parse(&k, &image), -EOPNOTSUPP);
    free(k.file);

    /* Empty notes: every 12 bytes another. */
    k = (struct kernel){.file = calloc(1, 100000), .size = 100000};
    struct kernel bare = kernel_bare();
    memcpy(k.file, bare.file, bare.size);
    memset(k.file + 0x2000, 0, k.size - 0x2000);
    segment(&k, 2)->p_offset = 0x2000;
    segment(&k, 2)->p_filesz = 12 * 5000;
    assert_int_equal(parse(&k, &image), -ENOEXEC);
    segment(&k, 2)->p_filesz = 12 * 4000;
    header(&k)->e_shoff = 0;
    assert_int_equal(parse(&k, &image), -EOPNOTSUPP);
    free(bare.file);
    free(k.file);
}

/* A kernel with only the minimal notes and then this one. */
static int with_note(u32 type, const void *desc, u32 size, bool pv)
{
    struct kernel k = kernel_bare();
    struct kernel_image image;
    int error;

    notes_minimal(&k);
    note_add(&k, "Xen", type, desc, size);
    error = parse(&k, &image);
    if (!error && pv)
        error = check_pv(&image);
    free(k.file);
    return error;
}

static int with_address(u32 type, u64 address)
{
    return with_note(type, &address, sizeof(address), true);
}

static void test_wrong_notes(void **state)
{
    (void)state;
    assert_int_equal(with_note(XEN_ELFNOTE_GUEST_OS, "linux", 5, false),
                     0); /* the padding ends it */
    assert_int_equal(with_note(XEN_ELFNOTE_GUEST_OS, "linux678", 8, false), -ENOEXEC);
    assert_int_equal(with_note(XEN_ELFNOTE_GUEST_OS, "", 0, false), -ENOEXEC);
    assert_int_equal(with_note(XEN_ELFNOTE_ENTRY, "123", 3, false), -ENOEXEC);
    assert_int_equal(with_note(XEN_ELFNOTE_INIT_P2M, "", 0, false), -ENOEXEC);
    assert_int_equal(with_note(XEN_ELFNOTE_L1_MFN_VALID, "12345678", 8, false), -ENOEXEC);
    assert_int_equal(with_note(XEN_ELFNOTE_FEATURES, "!unheard_of", 12, false), -EOPNOTSUPP);
    assert_int_equal(with_note(XEN_ELFNOTE_FEATURES, "!", 2, false), -EOPNOTSUPP);
    assert_int_equal(with_note(XEN_ELFNOTE_FEATURES, "|dom|dom0x||", 13, false), 0);
    assert_int_equal(with_note(99, "123", 3, false), 0);

    assert_int_equal(with_note(XEN_ELFNOTE_XEN_VERSION, "xen-2.0", 8, true), -EOPNOTSUPP);
    assert_int_equal(with_note(XEN_ELFNOTE_LOADER, "other", 6, true), -EOPNOTSUPP);
    assert_int_equal(with_address(XEN_ELFNOTE_ENTRY, BASE + TEXT_PA - 1), -ENOEXEC);
    assert_int_equal(with_address(XEN_ELFNOTE_ENTRY, BASE + DATA_PA + 0x3000), -ENOEXEC);
    assert_int_equal(with_address(XEN_ELFNOTE_ENTRY, BASE + TEXT_PA), 0);
    assert_int_equal(with_address(XEN_ELFNOTE_HYPERCALL_PAGE, BASE), -ENOEXEC);
    assert_int_equal(with_address(XEN_ELFNOTE_HYPERCALL_PAGE, BASE + TEXT_PA + 8), -ENOEXEC);
    assert_int_equal(with_address(XEN_ELFNOTE_INIT_P2M, BASE + TEXT_PA), -ENOEXEC);
    assert_int_equal(with_address(XEN_ELFNOTE_PADDR_OFFSET, TEXT_PA + 1), -ENOEXEC);
    assert_int_equal(with_address(XEN_ELFNOTE_VIRT_BASE, -TEXT_PA), -ENOEXEC); /* wraps */
}

/* A kernel that is whole but for where it, its entry and its p2m table lie. */
static void place_check(u64 base, u64 entry, u64 p2m, const char *message)
{
    struct kernel k = kernel_bare();
    struct kernel_image image;
    const char *why = NULL;
    int error;

    notes_minimal(&k);
    note_64(&k, XEN_ELFNOTE_VIRT_BASE, base);
    note_64(&k, XEN_ELFNOTE_ENTRY, entry);
    note_64(&k, XEN_ELFNOTE_INIT_P2M, p2m);
    assert_int_equal(parse(&k, &image), 0);
    error = kernel_image_check_pv(&image, &why);
    assert_int_equal(error, message ? -ENOEXEC : 0);
    if (message && !strstr(why, message))
        fail_msg("%#llx %#llx %#llx: %s", (unsigned long long)base, (unsigned long long)entry,
                 (unsigned long long)p2m, why);
    free(k.file);
}

static void test_places(void **state)
{
    const u64 entry = BASE + TEXT_PA, p2m = 0x8000000000, low_end = 1ull << 47;
    const u64 kernel_size = DATA_PA + 0x3000;

    (void)state;
    place_check(BASE, entry, p2m, NULL);
    place_check(0, TEXT_PA, p2m, NULL);
    place_check(HYPERVISOR_VIRT_END, HYPERVISOR_VIRT_END + TEXT_PA, p2m, NULL);
    place_check(low_end - kernel_size, low_end - kernel_size + TEXT_PA, p2m, NULL);

    place_check(BASE + 8, entry + 8, p2m, "VIRT_BASE in its Xen notes is inside a page");
    place_check(low_end, low_end + TEXT_PA, p2m, "VIRT_BASE in its Xen notes is not canonical");
    place_check(HYPERVISOR_VIRT_START, entry, p2m, "VIRT_BASE in its Xen notes is not canonical");
    place_check(HYPERVISOR_VIRT_END - PAGE_SIZE, HYPERVISOR_VIRT_END + TEXT_PA, p2m,
                "VIRT_BASE in its Xen notes is not canonical");
    place_check(low_end - kernel_size + PAGE_SIZE, low_end - kernel_size + TEXT_PA + PAGE_SIZE, p2m,
                "it reaches addresses");
    place_check(HYPERVISOR_VIRT_START - PAGE_SIZE, 0, p2m, "VIRT_BASE in its Xen notes is not");

    place_check(BASE, low_end, p2m, "its entry is an address");
    place_check(BASE, HYPERVISOR_VIRT_START, p2m, "its entry is an address");
    place_check(BASE, ~0ull, p2m, "its entry");
    place_check(BASE, 0, p2m, "its entry lies outside");

    place_check(BASE, entry, p2m + 8, "INIT_P2M in its Xen notes is inside a page");
    place_check(BASE, entry, low_end, "INIT_P2M in its Xen notes is not canonical");
    place_check(BASE, entry, HYPERVISOR_VIRT_START, "INIT_P2M in its Xen notes is not canonical");
    place_check(BASE, entry, HYPERVISOR_VIRT_END - PAGE_SIZE, "INIT_P2M in its Xen notes is not");
    place_check(BASE, entry, HYPERVISOR_VIRT_END, NULL);
    place_check(BASE, entry, BASE, "inside of itself");
    place_check(BASE, entry, BASE + DATA_PA + 0x2000, "inside of itself");
    place_check(BASE, entry, BASE + DATA_PA + 0x3000, NULL);
}

static void test_usable(void **state)
{
    (void)state;
    assert_true(kernel_addresses_usable(0, 1ull << 47));
    assert_true(kernel_addresses_usable(HYPERVISOR_VIRT_END, ~0ull));
    assert_false(kernel_addresses_usable(0, 0));
    assert_false(kernel_addresses_usable(PAGE_SIZE, 0));
    assert_false(kernel_addresses_usable(0, (1ull << 47) + 1));
    assert_false(kernel_addresses_usable(0, ~0ull)); /* over the gap, and the hypervisor */
    assert_false(kernel_addresses_usable(HYPERVISOR_VIRT_START, HYPERVISOR_VIRT_START + 1));
    assert_false(kernel_addresses_usable(HYPERVISOR_VIRT_END - 1, HYPERVISOR_VIRT_END + 1));
}

/* Whatever the headers say, nothing outside the file is read, and what is accepted lies inside. */
static void test_damaged(void **state)
{
    u32 random = 12345;

    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct kernel k = kernel_full();
        struct kernel_image image;

        for (int i = 0; i < 3; i++) {
            random = random * 1664525 + 1013904223;
            k.file[(random >> 8) % (NOTES_AT + k.notes_size)] = (u8)(random >> 24);
        }
        if (parse(&k, &image) == 0) {
            for (u32 i = 0; i < image.elf.segments; i++) {
                struct kernel_segment s = kernel_image_segment(&image, i);

                assert_true(s.data >= k.file && s.file_size <= s.memory_size);
                assert_true(s.data + s.file_size <= k.file + k.size);
            }
            if (image.guest_os)
                assert_true(strlen(image.guest_os) < k.size);
            if (check_pv(&image) == 0)
                assert_true(image.entry >= image.virt_kstart && image.entry < image.virt_kend);
        }
        free(k.file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes),    cmocka_unit_test(test_segments),
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_wrong_headers),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_wrong_notes),
        cmocka_unit_test(test_places),   cmocka_unit_test(test_usable),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
