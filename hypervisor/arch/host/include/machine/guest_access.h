/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On the host every access to guest memory is a call of the simulated machine's. */
#ifndef DOMUS_MACHINE_GUEST_ACCESS_H
#define DOMUS_MACHINE_GUEST_ACCESS_H

#define guest_words_begin(place, va, words, fault) ((place) = (va))
#define guest_word_get(value, place, i, fault)                                                     \
    do {                                                                                           \
        if (guest_copy_in(&(value), (place) + (i) * sizeof(u64), sizeof(value)))                   \
            goto fault;                                                                            \
    } while (0)
#define guest_word_put(place, i, value, fault)                                                     \
    do {                                                                                           \
        u64 guest_word_ = (value);                                                                 \
        if (guest_copy_out((place) + (i) * sizeof(u64), &guest_word_, sizeof(u64)))                \
            goto fault;                                                                            \
    } while (0)
#define guest_words_end() ((void)0)

#endif
