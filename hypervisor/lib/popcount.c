/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the compiler calls to count bits, where the processor may lack POPCNT. */
#include "types.h"

int __popcountdi2(s64 word);

int __popcountdi2(s64 word)
{
    u64 n = (u64)word;
    n -= n >> 1 & 0x5555555555555555ull;
    n = (n & 0x3333333333333333ull) + (n >> 2 & 0x3333333333333333ull);
    n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (int)(n * 0x0101010101010101ull >> 56);
}
