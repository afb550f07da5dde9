/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a test kernel needs in assembly: the notes by which a loader knows it, its first instructions, its
 * entries for exceptions and callbacks, and the ways out of them.
 *
 * Source of the frames: Xen public ABI, arch-x86/xen-x86_64.h.
 */
#include "abi/elfnote.h"
#include "abi/xen.h"
#include "layout.h"

.macro NOTE type, kind, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \kind \value
2:  .balign 4
    .popsection
.endm

    NOTE XEN_ELFNOTE_GUEST_OS, .asciz, "test"
    NOTE XEN_ELFNOTE_LOADER, .asciz, "generic"
    NOTE XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
    NOTE XEN_ELFNOTE_VIRT_BASE, .quad, GUEST_VIRT_BASE
    NOTE XEN_ELFNOTE_PADDR_OFFSET, .quad, 0
    NOTE XEN_ELFNOTE_ENTRY, .quad, guest_entry
    NOTE XEN_ELFNOTE_PAE_MODE, .asciz, "yes"

    .text
    .globl guest_entry
guest_entry:
    cld
    mov $boot_stack_end, %rsp
    xor %ebp, %ebp
    mov %rsi, %rdi
    call guest_start
    ud2

/* --- entries: the frame on the stack begins with rcx and r11 ------------------------------------------ */

.macro SAVE
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

.macro ENTRY name, vector, has_error
    .globl \name
\name:
    pushfq
    popq entry_rflags
    pop %rcx
    pop %r11
    .if !\has_error
    push $0
    .endif
    push $\vector
    jmp entry_common
.endm

    .globl entry_failsafe
entry_failsafe:
    pop %rcx
    pop %r11
    popq failsafe_selectors
    popq failsafe_selectors + 8
    popq failsafe_selectors + 16
    popq failsafe_selectors + 24
    push $0
    push $ENTRY_FAILSAFE
entry_common:
    cld
    SAVE
    mov %rsp, %rdi
    mov %rsp, %rbx
    and $-16, %rsp
    call trap_dispatch
    mov %rbx, %rsp
    test %eax, %eax
    jnz attempt_resume
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
    add $16, %rsp
    push $0
    jmp iret_now

    .irp n, 0,1,3,4,5,6,7,9,15,16,18,19,20,21
    ENTRY entry_\n, \n, 0
    .endr
    .irp n, 8,10,11,12,13,14,17
    ENTRY entry_\n, \n, 1
    .endr
    ENTRY entry_128, 128, 0
    ENTRY entry_syscall, ENTRY_SYSCALL, 0
    ENTRY entry_event, ENTRY_EVENT, 0
    ENTRY entry_sysenter, ENTRY_SYSENTER, 0
    ENTRY entry_syscall32, ENTRY_SYSCALL32, 0
    ENTRY entry_nmi, ENTRY_NMI, 0

/* Handlers that go straight back, for measuring: after an exception, after a program's system call. */
    .globl entry_return
entry_return:
    pop %rcx
    pop %r11
    push $0
iret_now:
    push %rcx
iret_rest:
    push %r11
    push %rax
    mov $__HYPERVISOR_iret, %eax
    syscall
    ud2

/* The same after an event's upcall, of which nothing shall be left. */
.macro ENTRY_RETURN_EVENT name, vcpu_info
    .globl \name
\name:
    mov shared_info, %rcx
    movb $0, \vcpu_info(%rcx)
    jmp entry_return
.endm
    ENTRY_RETURN_EVENT entry_return_event, 0
    ENTRY_RETURN_EVENT entry_return_event_1, 64

/* Handlers that go on at fault_fixup, after exceptions with an error code and without. */
    .globl entry_fixup
entry_fixup:
    pop %rcx
    pop %r11
    movq $0, (%rsp) /* its place takes the flags of the way back */
    push %rcx
fixup_now:
    mov fault_fixup, %rcx
    mov %rcx, 16(%rsp)
    jmp iret_rest

    .globl entry_fixup_no_error
entry_fixup_no_error:
    pop %rcx
    pop %r11
    push $0
    push %rcx
    jmp fixup_now

    .globl entry_return_syscall
entry_return_syscall:
    pop %rcx
    pop %r11
    push $VGCF_in_syscall
    jmp iret_now

/* --- attempts: what they end in, an exception included, comes back as a return ------------------------- */

.macro ATTEMPT_BEGIN
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, attempt_stack
.endm

attempt_resume:
    mov attempt_stack, %rsp
attempt_done:
    movl $0, attempt_armed
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    cld
    ret

/* void attempt_call_raw(u64 (*f)(u64), u64 argument) */
    .globl attempt_call_raw
attempt_call_raw:
    ATTEMPT_BEGIN
    mov %rdi, %rax
    mov %rsi, %rdi
    movl $1, attempt_armed
    sub $8, %rsp
    call *%rax
    mov %rax, attempt_result
    add $8, %rsp
    jmp attempt_done

/* void attempt_enter_raw(const struct trap_regs *regs): the same with all registers. */
    .globl attempt_enter_raw
attempt_enter_raw:
    ATTEMPT_BEGIN
    movl $1, attempt_armed
    .irp n, 168,160,152,144,136
    pushq \n(%rdi)
    .endr
    pushq $0
    pushq 88(%rdi)
    pushq 48(%rdi)
    pushq 80(%rdi)
    mov (%rdi), %r15
    mov 8(%rdi), %r14
    mov 16(%rdi), %r13
    mov 24(%rdi), %r12
    mov 32(%rdi), %rbp
    mov 40(%rdi), %rbx
    mov 56(%rdi), %r10
    mov 64(%rdi), %r9
    mov 72(%rdi), %r8
    mov 96(%rdi), %rdx
    mov 104(%rdi), %rsi
    mov 112(%rdi), %rdi
    mov $__HYPERVISOR_iret, %eax
    syscall
    mov %rax, attempt_result
    jmp attempt_resume

/* void attempt_iret_raw(const struct iret_context *frame): enter what frame says by hypercall. */
    .globl attempt_iret_raw
attempt_iret_raw:
    ATTEMPT_BEGIN
    movl $1, attempt_armed
    .irp n, 64,56,48,40,32,24,16,8,0
    pushq \n(%rdi)
    .endr
    mov $__HYPERVISOR_iret, %eax
    syscall
    mov %rax, attempt_result
    jmp attempt_resume

/* void attempt_iretq_raw(const struct iret_context *frame): the same by the instruction. */
    .globl attempt_iretq_raw
attempt_iretq_raw:
    ATTEMPT_BEGIN
    movl $1, attempt_armed
    .irp n, 64,56,48,40,32
    pushq \n(%rdi)
    .endr
    iretq

    .bss
    .balign 4096
    .space 0x8000
boot_stack_end:
    .globl kernel_stack_end
    .space 0x8000
kernel_stack_end:
    .balign 4096

    .section .rodata
    .balign 8
    .globl trap_entries
trap_entries:
    .irp n, 0,1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,128
    .quad \n, entry_\n
    .endr
    .quad 0, 0

    .section .note.GNU-stack, "", @progbits
