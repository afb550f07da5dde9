/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the ABI as the headers of abi/ describe it. abi_headers.h, generated, includes them all.
 */
#include "abi_headers.h"
#include "abi_emit.h"
