/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The x86 branch filter of xz ("BCJ"), undone in place. The packer replaced the displacement of
 * each CALL and JMP (opcodes E8h and E9h) by the target's offset, so that calls of one function
 * look alike; here the displacement is put back. Called by xz.c on a whole unpacked block.
 */
#include "xz.h"

#define OPCODE_SIZE  1
#define OPERAND_SIZE 4

/* How far back an opcode byte that was left alone still matters: its operand reaches to here. */
#define REACH 3

/* Each byte of a word. */
#define EACH(byte) (0x0101010101010101ull * (byte))

/*
 * Bit 7 of each byte is clear where w has an opcode (E8h or E9h) and set elsewhere. Bit 0 of each
 * byte is shifted out, which leaves 7 bits: no carry can pass from byte to byte.
 */
static always_inline u64 opcode_mark(u64 w)
{
    return ((w >> 1 & EACH(0x7F)) ^ EACH(0xE8 >> 1)) + EACH(0x7F);
}

/* The first opcode at or after p, or end. */
static inline u8 *opcode_find(u8 *p, u8 *end)
{
    while (end - p >= 32) {
        u64 a = opcode_mark(load64(p)) & opcode_mark(load64(p + 8));
        u64 b = opcode_mark(load64(p + 16)) & opcode_mark(load64(p + 24));

        if ((a & b & EACH(0x80)) != EACH(0x80))
            break;
        p += 32;
    }
    for (; end - p >= 8; p += 8) {
        u64 found = ~opcode_mark(load64(p)) & EACH(0x80);

        if (found)
            return p + __builtin_ctzll(found) / 8;
    }
    while (p < end && (*p & 0xFE) != 0xE8)
        p++;
    return p;
}

/* The packer converts only displacements of less than 16 MiB either way: the top byte tells. */
static inline bool top_byte_is_sign(u8 b)
{
    return (u8)(b + 1) <= 1;
}

/*
 * The displacement for the target offset value. after: the offset behind the instruction. An opcode
 * byte that stands distance (1-3) bytes before this one, 0 for none, shares the operand's low
 * bytes.
 */
static inline u32 displacement(u32 value, u32 after, int distance)
{
    u32 d = value - after;

    /*
     * The packer looked at the top byte that the earlier opcode's operand has, and this subtraction
     * may have made it a sign byte, which it was not. Then it had added to the complement. Once is
     * enough: it gives the complement of value's low bytes, whose top one is no sign byte either.
     */
    if (distance != 0 && top_byte_is_sign((u8)(d >> (24 - 8 * distance))))
        d = (d ^ ((1u << (32 - 8 * distance)) - 1)) - after;

    /* Bit 24 is the sign. */
    return (u32)((s32)(d << 7) >> 7);
}

void bcj_x86_undo(u8 *data, size_t size)
{
    u8 *end, *p;
    u8 *last = data;
    u32 left_alone = 0; /* bit k: an opcode left alone stands k + 1 bytes before p */

    if (size < OPCODE_SIZE + OPERAND_SIZE)
        return;
    end = data + size - OPERAND_SIZE;

    for (p = opcode_find(data, end); p < end; p = opcode_find(p, end)) {
        size_t gap = (size_t)(p - last);
        int distance;

        left_alone = gap > REACH ? 0 : left_alone << gap >> 1 & ((1u << REACH) - 1);
        last = p;
        distance = left_alone ? 32 - __builtin_clz(left_alone) : 0;

        if (top_byte_is_sign(p[OPERAND_SIZE]) &&
            (distance == 0 || ((left_alone & (left_alone - 1)) == 0 &&
                               !top_byte_is_sign(p[OPERAND_SIZE - distance])))) {
            u32 after = (u32)(p - data) + OPCODE_SIZE + OPERAND_SIZE;

            store32(p + OPCODE_SIZE, displacement(load32(p + OPCODE_SIZE), after, distance));
            p += OPCODE_SIZE + OPERAND_SIZE;
            left_alone = 0;
        } else {
            left_alone = left_alone << 1 | 1;
            p++;
        }
    }
}
