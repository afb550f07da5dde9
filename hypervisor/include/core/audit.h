/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The auditor: does everything hold that docs/ARCHITECTURE.md promises? Called by a debug key, and
 * by fuzzers after each step.
 */
#ifndef DOMUS_CORE_AUDIT_H
#define DOMUS_CORE_AUDIT_H

/*
 * Tells report of each contradiction that it finds, as a line of text, and returns their number.
 * Domains may run; what they change at that moment may then look like one.
 */
typedef void (*audit_report_t)(const char *line);
int audit_machine(audit_report_t report);

#endif
