/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading 64-bit little-endian ELF executables for x86-64 (System V ABI, chapters 4 and 5) from
 * memory: what is to be loaded, and the notes. Nothing is allocated and no locks are taken; every
 * offset is checked against the file before it is followed. What is returned points into the file,
 * which the caller keeps.
 */
#ifndef DOMUS_LIB_ELF_H
#define DOMUS_LIB_ELF_H

#include "types.h"

/* More loadable segments are refused. */
#define ELF_SEGMENTS_MAX 16

/* A segment to be loaded: file_size bytes of the file, and zeros up to memory_size. */
struct elf_segment {
    const u8 *data;
    u64 file_size;   /* bytes, <= memory_size */
    u64 memory_size; /* bytes, > 0 */
    u64 vaddr;
    u64 paddr; /* paddr + memory_size does not wrap, nor does vaddr + memory_size */
    bool readable, writable, executable;
};

struct elf_image {
    const u8 *file;
    size_t file_size;
    u64 entry; /* e_entry */

    /* In the order of the file. No two share a physical address. */
    struct elf_segment segment[ELF_SEGMENTS_MAX];
    u32 segments; /* at least 1 */

    /* Physical addresses that the segments occupy are in [pstart, pend). */
    u64 pstart;
    u64 pend;

    /* The tables of headers, for elf_note_next. */
    const u8 *program_headers;
    u32 program_header_count;
    const u8 *section_headers; /* NULL: none */
    u32 section_header_count;
};

struct elf_note {
    u32 type;
    const char *name; /* name_size bytes, the final zero included if there is one */
    u32 name_size;
    const u8 *desc;
    u32 desc_size;
    u32 padding; /* bytes behind desc that still belong to the note, 0-7 */
};

/* Where notes are looked for. */
enum elf_note_source {
    ELF_NOTES_OF_SEGMENTS, /* PT_NOTE */
    ELF_NOTES_OF_SECTIONS, /* SHT_NOTE */
};

/* A walk over the notes; all but source begins as zero. */
struct elf_note_walk {
    enum elf_note_source source;
    u32 header; /* the next program or section header */
    u32 visited;
    const u8 *at; /* the next note of the present segment or section, which ends at end */
    const u8 *end;
    u32 align;
};

/* Whether the file begins as an ELF file does, of whatever kind. */
bool elf_recognise(const void *file, size_t file_size);

/*
 * Checks the headers and fills *elf. 0; or, with a reason (static text) in *why, -ENOEXEC for a
 * file that is damaged and -EOPNOTSUPP for another kind of ELF file.
 */
must_check int elf_parse(const void *file, size_t file_size, struct elf_image *elf,
                         const char **why);

/*
 * The next note of the walk. 1: *note is filled; 0: there are no more; -ENOEXEC and *why: the notes
 * are malformed, or unreasonably many.
 */
must_check int elf_note_next(const struct elf_image *elf, struct elf_note_walk *walk,
                             struct elf_note *note, const char **why);

#endif
