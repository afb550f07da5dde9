/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this hypervisor calls itself (core/version.c, core/hypfs.c). */
#ifndef DOMUS_CORE_VERSION_H
#define DOMUS_CORE_VERSION_H

/* The Xen whose ABI is spoken. */
#define VERSION_MAJOR     4
#define VERSION_MINOR     17
#define VERSION_EXTRA     ".0-domus"
#define VERSION_CHANGESET "domus"
#define VERSION_COMPILER  "gcc " __VERSION__

#endif
