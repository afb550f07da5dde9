/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Included first by the build in every file of the hypervisor: all symbols are the image's own, so
 * code is position-independent without a table of addresses to look them up in.
 */
#ifndef DOMUS_VISIBILITY_H
#define DOMUS_VISIBILITY_H
#pragma GCC visibility push(hidden)
#endif
