/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading 64-bit ELF executables for x86-64 (System V ABI, chapters 4 and 5). The loaders of kernel
 * images are the callers. The file is only trusted to be readable: headers are copied out, as they
 * need not be aligned, and checked before they are used.
 */
#include "lib/elf.h"
#include "lib/string.h"
#include "errno.h"

#define IDENT_SIZE      16
#define IDENT_CLASS     4
#define IDENT_DATA      5
#define CLASS_64        2
#define DATA_LITTLE     1
#define TYPE_EXEC       2
#define TYPE_DYN        3
#define MACHINE_X86_64  62
#define VERSION_CURRENT 1

#define PT_LOAD  1
#define PT_NOTE  4
#define PF_X     1
#define PF_W     2
#define PF_R     4
#define SHT_NOTE 7

/* A walk over more notes than this ends with an error: it bounds the time. */
#define NOTES_MAX 4096

struct elf_header {
    u8 ident[IDENT_SIZE];
    u16 type;
    u16 machine;
    u32 version;
    u64 entry;
    u64 program_offset;
    u64 section_offset;
    u32 flags;
    u16 header_size;
    u16 program_entry_size;
    u16 program_count;
    u16 section_entry_size;
    u16 section_count;
    u16 section_names;
};
STATIC_ASSERT(sizeof(struct elf_header) == 64);

struct program_header {
    u32 type;
    u32 flags;
    u64 offset;
    u64 vaddr;
    u64 paddr;
    u64 file_size;
    u64 memory_size;
    u64 align;
};
STATIC_ASSERT(sizeof(struct program_header) == 56);

struct section_header {
    u32 name;
    u32 type;
    u64 flags;
    u64 address;
    u64 offset;
    u64 size;
    u32 link;
    u32 info;
    u64 align;
    u64 entry_size;
};
STATIC_ASSERT(sizeof(struct section_header) == 64);

struct note_header {
    u32 name_size;
    u32 desc_size;
    u32 type;
};

static const u8 elf_magic[] = {0x7F, 'E', 'L', 'F'};

static int refuse(int error, const char *reason, const char **why)
{
    *why = reason;
    return error;
}

/* Whether [offset, offset + size) lies in the file. */
static bool in_file(const struct elf_image *elf, u64 offset, u64 size)
{
    return offset <= elf->file_size && size <= elf->file_size - offset;
}

bool elf_recognise(const void *file, size_t file_size)
{
    return file_size >= sizeof(elf_magic) && memcmp(file, elf_magic, sizeof(elf_magic)) == 0;
}

static must_check int header_check(const struct elf_header *h, const char **why)
{
    if (h->ident[IDENT_CLASS] != CLASS_64 || h->ident[IDENT_DATA] != DATA_LITTLE ||
        h->machine != MACHINE_X86_64)
        return refuse(-EOPNOTSUPP, "ELF: not for 64-bit x86", why);
    if (h->type != TYPE_EXEC && h->type != TYPE_DYN)
        return refuse(-EOPNOTSUPP, "ELF: not an executable", why);
    if (h->version != VERSION_CURRENT)
        return refuse(-EOPNOTSUPP, "ELF: unknown version", why);
    return 0;
}

/* Finds the two tables. Files without sections are in order. */
static must_check int tables_find(struct elf_image *elf, const struct elf_header *h,
                                  const char **why)
{
    if (h->program_count == 0)
        return refuse(-ENOEXEC, "ELF: no program headers", why);
    if (h->program_entry_size != sizeof(struct program_header) ||
        !in_file(elf, h->program_offset, (u64)h->program_count * sizeof(struct program_header)))
        return refuse(-ENOEXEC, "ELF: the program headers are not in the file", why);
    elf->program_headers = elf->file + h->program_offset;
    elf->program_header_count = h->program_count;

    if (h->section_offset == 0 || h->section_count == 0)
        return 0;
    if (h->section_entry_size != sizeof(struct section_header) ||
        !in_file(elf, h->section_offset, (u64)h->section_count * sizeof(struct section_header)))
        return refuse(-ENOEXEC, "ELF: the section headers are not in the file", why);
    elf->section_headers = elf->file + h->section_offset;
    elf->section_header_count = h->section_count;
    return 0;
}

static void program_header_read(const struct elf_image *elf, u32 index, struct program_header *h)
{
    memcpy(h, elf->program_headers + (size_t)index * sizeof(*h), sizeof(*h));
}

/* Checks a segment to be loaded against the file and those before it, and adds it. */
static must_check int segment_add(struct elf_image *elf, const struct program_header *h,
                                  const char **why)
{
    u64 end;

    if (h->memory_size == 0 && h->file_size == 0)
        return 0;
    if (elf->segments == ELF_SEGMENTS_MAX)
        return refuse(-EOPNOTSUPP, "ELF: too many segments", why);
    if (!in_file(elf, h->offset, h->file_size))
        return refuse(-ENOEXEC, "ELF: a segment is not in the file", why);
    if (h->file_size > h->memory_size)
        return refuse(-ENOEXEC, "ELF: a segment is larger in the file than in memory", why);
    if (__builtin_add_overflow(h->paddr, h->memory_size, &end) ||
        h->vaddr + (h->memory_size - 1) < h->vaddr)
        return refuse(-ENOEXEC, "ELF: a segment passes the end of the address space", why);
    for (u32 i = 0; i < elf->segments; i++) {
        const struct elf_segment *s = &elf->segment[i];

        if (h->paddr < s->paddr + s->memory_size && s->paddr < end)
            return refuse(-ENOEXEC, "ELF: segments overlap", why);
    }

    elf->pstart = elf->segments == 0 ? h->paddr : MIN(elf->pstart, h->paddr);
    elf->pend = MAX(elf->pend, end);
    elf->segment[elf->segments++] = (struct elf_segment){
        .data = elf->file + h->offset,
        .file_size = h->file_size,
        .memory_size = h->memory_size,
        .vaddr = h->vaddr,
        .paddr = h->paddr,
        .readable = h->flags & PF_R,
        .writable = h->flags & PF_W,
        .executable = h->flags & PF_X,
    };
    return 0;
}

int elf_parse(const void *file, size_t file_size, struct elf_image *elf, const char **why)
{
    struct elf_header header;
    int error;

    *elf = (struct elf_image){.file = file, .file_size = file_size};
    if (!elf_recognise(file, file_size))
        return refuse(-ENOEXEC, "not an ELF file", why);
    if (file_size < sizeof(header))
        return refuse(-ENOEXEC, "ELF: the header is truncated", why);
    memcpy(&header, file, sizeof(header));
    error = header_check(&header, why);
    if (!error)
        error = tables_find(elf, &header, why);
    if (error)
        return error;
    elf->entry = header.entry;

    for (u32 i = 0; i < elf->program_header_count; i++) {
        struct program_header h;

        program_header_read(elf, i, &h);
        if (h.type != PT_LOAD)
            continue;
        error = segment_add(elf, &h, why);
        if (error)
            return error;
    }
    if (elf->segments == 0)
        return refuse(-ENOEXEC, "ELF: nothing to load", why);
    return 0;
}

/* Goes to the next segment or section with notes. 1: found; 0: there are no more. */
static must_check int notes_advance(const struct elf_image *elf, struct elf_note_walk *walk,
                                    const char **why)
{
    bool sections = walk->source == ELF_NOTES_OF_SECTIONS;
    u32 count = sections ? elf->section_header_count : elf->program_header_count;

    while (walk->header < count) {
        u32 index = walk->header++;
        u64 offset, size, align;
        bool notes;

        if (sections) {
            struct section_header h;

            memcpy(&h, elf->section_headers + (size_t)index * sizeof(h), sizeof(h));
            notes = h.type == SHT_NOTE;
            offset = h.offset;
            size = h.size;
            align = h.align;
        } else {
            struct program_header h;

            program_header_read(elf, index, &h);
            notes = h.type == PT_NOTE;
            offset = h.offset;
            size = h.file_size;
            align = h.align;
        }
        if (!notes)
            continue;
        if (!in_file(elf, offset, size))
            return refuse(-ENOEXEC, "ELF: notes are not in the file", why);
        walk->at = elf->file + offset;
        walk->end = walk->at + size;
        walk->align = align == 8 ? 8 : 4;
        return 1;
    }
    return 0;
}

int elf_note_next(const struct elf_image *elf, struct elf_note_walk *walk, struct elf_note *note,
                  const char **why)
{
    struct note_header h;
    u64 desc, size, padded_size, left;

    while (walk->at == walk->end) {
        int found = notes_advance(elf, walk, why);

        if (found <= 0)
            return found;
    }
    if (walk->visited++ == NOTES_MAX)
        return refuse(-ENOEXEC, "ELF: too many notes", why);
    left = (u64)(walk->end - walk->at);
    if (left < sizeof(h))
        return refuse(-ENOEXEC, "ELF: a note is truncated", why);
    memcpy(&h, walk->at, sizeof(h));
    desc = ROUND_UP(sizeof(h) + (u64)h.name_size, walk->align);
    size = desc + h.desc_size;
    if (size > left)
        return refuse(-ENOEXEC, "ELF: a note is truncated", why);

    /* The last one's padding may be missing. */
    padded_size = MIN(ROUND_UP(size, walk->align), left);
    *note = (struct elf_note){
        .type = h.type,
        .name = (const char *)walk->at + sizeof(h),
        .name_size = h.name_size,
        .desc = walk->at + desc,
        .desc_size = h.desc_size,
        .padding = (u32)(padded_size - size),
    };
    walk->at += padded_size;
    return 1;
}
