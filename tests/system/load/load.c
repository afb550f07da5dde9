/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Load for a kernel that runs as domain 0: each test makes the kernel use one part of what the
 * hypervisor does for it, on all vCPUs at once, and checks that nothing was mixed up.
 *
 *   load TEST [FACTOR]
 *
 * The exit status is 0 if all was right; else a line says what was not. FACTOR multiplies the work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <ucontext.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE    4096ul
#define WORKERS 6 /* more than there are CPUs */

static unsigned factor = 1;

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *fmt, ...)
{
    va_list args;
    char text[200];
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    dprintf(1, "LOAD: wrong: %s\n", text);
    _exit(1);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail("line %d: %s (errno %d)", __LINE__, #condition, errno);                           \
    } while (0)

/* A child's end by exit(0). */
static void child_reap(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* function(i) in processes i = 0..count-1 at once. */
static void in_processes(unsigned count, void (*function)(unsigned))
{
    pid_t pids[64];
    CHECK(count <= 64);
    for (unsigned i = 0; i < count; i++) {
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (!pids[i]) {
            function(i);
            _exit(0);
        }
    }
    for (unsigned i = 0; i < count; i++)
        child_reap(pids[i]);
}

/* --- processes: address spaces made, shared copy-on-write, and dropped */

static void pages_fill(volatile uint64_t *p, unsigned pages, uint64_t seed)
{
    for (unsigned i = 0; i < pages; i++)
        p[i * (PAGE / 8)] = seed + i;
}

static void pages_check(volatile uint64_t *p, unsigned pages, uint64_t seed)
{
    for (unsigned i = 0; i < pages; i++)
        CHECK(p[i * (PAGE / 8)] == seed + i);
}

static void process_worker(unsigned id)
{
    enum { PAGES = 64 };
    uint64_t seed = (uint64_t)id << 32;
    uint64_t *own =
        mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(own != MAP_FAILED);
    for (unsigned round = 0; round < 5 * factor; round++) {
        pages_fill(own, PAGES, seed + round);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (!pid) {
            pages_check(own, PAGES, seed + round);
            pages_fill(own, PAGES, ~seed);
            pages_check(own, PAGES, ~seed);
            _exit(0);
        }
        CHECK(!mprotect(own, PAGES * PAGE / 2, PROT_READ));
        pages_check(own, PAGES, seed + round);
        CHECK(!mprotect(own, PAGES * PAGE, PROT_READ | PROT_WRITE));
        child_reap(pid);
        pages_check(own, PAGES, seed + round);
    }
}

static void test_processes(void)
{
    in_processes(WORKERS, process_worker);
}

/* --- maps: mappings made, changed and taken away; a touch of what is gone must fault */

static sigjmp_buf *volatile fault_return;

static void fault_handler(int number)
{
    (void)number;
    if (!fault_return)
        _exit(9);
    siglongjmp(*fault_return, 1);
}

static int touch_faults(volatile uint8_t *p, int write)
{
    sigjmp_buf here;
    int faulted = sigsetjmp(here, 1);
    fault_return = &here;
    if (!faulted) {
        if (write)
            *p = 1;
        else
            (void)*p;
    }
    fault_return = NULL;
    return faulted;
}

static void map_worker(unsigned id)
{
    signal(SIGSEGV, fault_handler);
    unsigned random = id * 2654435761u + 1;
    for (unsigned round = 0; round < 8 * factor; round++) {
        random = random * 1664525u + 1013904223u;
        size_t pages = 1 + (random >> 24) % 40;
        uint8_t *p =
            mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        pages_fill((uint64_t *)p, (unsigned)pages, random);
        size_t one = (random >> 8) % pages;
        CHECK(!mprotect(p + one * PAGE, PAGE, PROT_READ));
        CHECK(touch_faults(p + one * PAGE, 1));
        CHECK(!touch_faults(p + one * PAGE, 0));
        CHECK(!mprotect(p + one * PAGE, PAGE, PROT_NONE));
        CHECK(touch_faults(p + one * PAGE, 0));
        CHECK(!mprotect(p + one * PAGE, PAGE, PROT_READ | PROT_WRITE));
        pages_check((uint64_t *)p, (unsigned)pages, random);
        CHECK(!munmap(p + one * PAGE, PAGE));
        CHECK(touch_faults(p + one * PAGE, 0));
        munmap(p, pages * PAGE);
    }
}

static void test_maps(void)
{
    in_processes(WORKERS, map_worker);
}

/* --- threads: one address space on several CPUs, changed under all of them */

#define THREADS 6

static pthread_mutex_t ring_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ring_turned = PTHREAD_COND_INITIALIZER;
static unsigned ring_turn, ring_end;
static atomic_uint counter;

static void *ring_thread(void *data)
{
    unsigned me = (unsigned)(uintptr_t)data;
    for (;;) {
        pthread_mutex_lock(&ring_mutex);
        while (ring_turn < ring_end && ring_turn % THREADS != me)
            pthread_cond_wait(&ring_turned, &ring_mutex);
        if (ring_turn >= ring_end) {
            pthread_mutex_unlock(&ring_mutex);
            return NULL;
        }
        ring_turn++;
        atomic_fetch_add(&counter, 1);
        pthread_cond_broadcast(&ring_turned);
        pthread_mutex_unlock(&ring_mutex);
    }
}

/* Maps, fills, gives away: other CPUs must forget each translation. */
static void *map_thread(void *data)
{
    uint64_t seed = (uintptr_t)data << 40;
    for (unsigned round = 0; round < 10 * factor; round++) {
        uint64_t *p =
            mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        for (unsigned i = 0; i < 16; i++)
            CHECK(p[i * (PAGE / 8)] == 0);
        pages_fill(p, 16, seed + round);
        sched_yield();
        pages_check(p, 16, seed + round);
        CHECK(!munmap(p, 16 * PAGE));
    }
    return NULL;
}

static void threads_run(void *(*function)(void *))
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, function, (void *)i));
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL));
}

static void test_threads(void)
{
    ring_turn = 0;
    ring_end = 200 * factor;
    threads_run(ring_thread);
    CHECK(atomic_load(&counter) == ring_end);
    threads_run(map_thread);
}

/* --- fpu: registers of the x87, SSE and AVX across context switches and signals */

struct vectors {
    uint8_t ymm[16][32];
    uint32_t mxcsr;
    uint16_t control;
} __attribute__((aligned(32)));

static int has_avx;

#define EACH_YMM(f)                                                                                \
    f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14) f(15)

/* Loads the registers, stays in a loop for a while or calls sched_yield() once, stores them.
 * Nothing of the compiler's comes in between. */
static void vectors_hold(const struct vectors *in, struct vectors *out, unsigned long spins)
{
    long call = SYS_sched_yield;
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(in->mxcsr), "m"(in->control));
    if (has_avx) {
#define LOAD(n)  "vmovdqa " #n "*32(%[in]), %%ymm" #n "\n"
#define STORE(n) "vmovdqa %%ymm" #n ", " #n "*32(%[out])\n"
        __asm__ volatile(EACH_YMM(LOAD) "syscall\n"
                                        "1: dec %[spins]; jnz 1b\n" EACH_YMM(STORE)
                         : [spins] "+r"(spins), "+a"(call)
                         : [in] "r"(in->ymm), [out] "r"(out->ymm)
                         : "memory", "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                           "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                           "xmm14", "xmm15");
    } else {
#define LOAD_SSE(n)  "movdqa " #n "*32(%[in]), %%xmm" #n "\n"
#define STORE_SSE(n) "movdqa %%xmm" #n ", " #n "*32(%[out])\n"
        __asm__ volatile(EACH_YMM(LOAD_SSE) "syscall\n"
                                            "1: dec %[spins]; jnz 1b\n" EACH_YMM(STORE_SSE)
                         : [spins] "+r"(spins), "+a"(call)
                         : [in] "r"(in->ymm), [out] "r"(out->ymm)
                         : "memory", "rcx", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                           "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                           "xmm14", "xmm15");
    }
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(out->mxcsr), "=m"(out->control));
}

static volatile unsigned ticks;

/* Spoils all that the interrupted code has in its registers. */
static void spoil_handler(int number)
{
    (void)number;
    uint32_t mxcsr = 0x1f80 | 3 << 13;
    uint16_t control = 0x037f;
    ticks++;
    __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(control));
    if (has_avx)
        __asm__ volatile("vzeroall"
                         :
                         :
                         : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                           "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    else
        __asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm9, %%xmm9" : : : "xmm0", "xmm9");
}

static void fpu_worker(unsigned id)
{
    struct vectors in, out;
    struct itimerval timer = {{0, 3000}, {0, 3000}};
    double sum = 0;
    signal(SIGALRM, spoil_handler);
    CHECK(!setitimer(ITIMER_REAL, &timer, NULL));
    for (unsigned round = 0; round < 150 * factor; round++) {
        memset(&in, (int)(id * 16 + round % 16), sizeof(in));
        memset(&out, 0, sizeof(out));
        in.mxcsr = 0x1f80 | (id & 3) << 13;
        in.control = (uint16_t)(0x037f & ~(3 << 10)) | (uint16_t)((id & 3) << 10);
        vectors_hold(&in, &out, 20000);
        for (unsigned i = 0; i < 16; i++)
            CHECK(!memcmp(in.ymm[i], out.ymm[i], has_avx ? 32 : 16));
        CHECK((out.mxcsr & ~0x3fu) == in.mxcsr && out.control == in.control);
        uint32_t mxcsr = 0x1f80;
        uint16_t control = 0x037f;
        __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(mxcsr), "m"(control));
        sum += 0.5;
        CHECK(sum == (round + 1) * 0.5);
    }
    timer = (struct itimerval){0};
    setitimer(ITIMER_REAL, &timer, NULL);
    CHECK(ticks > 0);
}

static void test_fpu(void)
{
    has_avx = __builtin_cpu_supports("avx");
    dprintf(1, "LOAD: with %s\n", has_avx ? "AVX" : "SSE");
    in_processes(WORKERS, fpu_worker);
}

/* --- signals: from process to process, as many as are sent */

static volatile sig_atomic_t pings;

static void ping_handler(int number)
{
    (void)number;
    pings++;
}

static void signal_worker(unsigned id)
{
    sigset_t set, old;
    (void)id;
    signal(SIGUSR1, ping_handler);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    pid_t parent = getpid(), child = fork();
    CHECK(child >= 0);
    pid_t peer = child ? child : parent;
    unsigned rounds = 100 * factor;
    for (unsigned i = 0; i < rounds; i++) {
        if (child)
            kill(peer, SIGUSR1);
        while ((unsigned)pings <= i)
            sigsuspend(&old);
        if (!child)
            kill(peer, SIGUSR1);
    }
    if (!child)
        _exit(0);
    child_reap(child);
}

static void test_signals(void)
{
    in_processes(WORKERS, signal_worker);
}

/* --- ptrace: single steps, and breakpoints by the debug registers */

static volatile uint64_t watched;
static uint64_t unwatched;

static void __attribute__((noinline)) step_target(void)
{
    __asm__ volatile("mov $100, %%ecx; 1: dec %%ecx; jnz 1b" : : : "ecx");
}

static void __attribute__((noinline)) breakpoint_target(void)
{
    __asm__ volatile("nop");
}

static void traced_child(void)
{
    CHECK(!ptrace(PTRACE_TRACEME, 0, 0, 0));
    raise(SIGSTOP);
    step_target();
    raise(SIGSTOP);
    for (unsigned i = 0; i < 5; i++) {
        breakpoint_target();
        unwatched++;
        watched = i;
    }
    _exit(0);
}

static int wait_stopped(pid_t pid)
{
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -WEXITSTATUS(status) - 1;
}

static void debugreg_set(pid_t pid, unsigned n, uint64_t value)
{
    CHECK(!ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg[n]), value));
}

static uint64_t debugreg_get(pid_t pid, unsigned n)
{
    errno = 0;
    long value = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg[n]), 0);
    CHECK(!errno);
    return (uint64_t)value;
}

static void steps_check(pid_t pid)
{
    struct user_regs_struct regs;
    unsigned inside = 0;
    for (;;) {
        CHECK(!ptrace(PTRACE_SINGLESTEP, pid, 0, 0));
        int stop = wait_stopped(pid);
        if (stop == SIGSTOP)
            break;
        CHECK(stop == SIGTRAP);
        CHECK(!ptrace(PTRACE_GETREGS, pid, 0, &regs));
        if (regs.rip >= (uintptr_t)step_target && regs.rip < (uintptr_t)step_target + 16)
            inside++;
    }
    /* The first instruction, the move, 100 times two in the loop, and what the compiler adds. */
    CHECK(inside >= 202 && inside <= 206);
}

static void breakpoints_check(pid_t pid)
{
    unsigned code = 0, data = 0;
    debugreg_set(pid, 0, (uintptr_t)breakpoint_target);
    debugreg_set(pid, 1, (uintptr_t)&watched);
    /* DR0: execution; DR1: writes of 8 bytes. */
    debugreg_set(pid, 7, 1 << 0 | 1 << 2 | 0ull << 16 | (1ull | 2ull << 2) << 20);
    for (;;) {
        CHECK(!ptrace(PTRACE_CONT, pid, 0, 0));
        int stop = wait_stopped(pid);
        if (stop == -1)
            break;
        CHECK(stop == SIGTRAP);
        uint64_t dr6 = debugreg_get(pid, 6);
        CHECK(dr6 & 3);
        code += dr6 & 1;
        data += dr6 >> 1 & 1;
        debugreg_set(pid, 6, 0);
    }
    CHECK(code == 5 && data == 5);
}

static void ptrace_worker(unsigned id)
{
    (void)id;
    for (unsigned round = 0; round < factor; round++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (!pid)
            traced_child();
        CHECK(wait_stopped(pid) == SIGSTOP);
        steps_check(pid);
        breakpoints_check(pid);
    }
}

static void test_ptrace(void)
{
    in_processes(WORKERS, ptrace_worker);
}

/* --- calls: system calls through int 0x80 of a 64-bit program; traps that a program may raise */

static volatile int trap_seen;

static void trap_handler(int number, siginfo_t *info, void *context)
{
    ucontext_t *c = context;
    (void)info;
    trap_seen = number;
    c->uc_mcontext.gregs[REG_RIP] = c->uc_mcontext.gregs[REG_R15];
}

#define TRAPS(instruction, expected)                                                               \
    do {                                                                                           \
        trap_seen = 0;                                                                             \
        __asm__ volatile("lea 1f(%%rip), %%r15\n" instruction "\n1:"                               \
                         :                                                                         \
                         :                                                                         \
                         : "r15", "rax", "rcx", "rdx", "rbx", "memory");                           \
        CHECK(trap_seen == (expected));                                                            \
    } while (0)

static void call_worker(unsigned id)
{
    struct sigaction action = {.sa_sigaction = trap_handler, .sa_flags = SA_SIGINFO};
    static const int numbers[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
    (void)id;
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        CHECK(!sigaction(numbers[i], &action, NULL));
    for (unsigned round = 0; round < 40 * factor; round++) {
        int pid;
        __asm__ volatile("int $0x80" : "=a"(pid) : "0"(20) : "r8", "r9", "r10", "r11", "memory");
        CHECK(pid == getpid());
        TRAPS("ud2", SIGILL);
        TRAPS("hlt", SIGSEGV);
        TRAPS("cli", SIGSEGV);
        TRAPS("mov %%cr3, %%rax", SIGSEGV);
        TRAPS("xor %%ecx, %%ecx; rdmsr", SIGSEGV);
        TRAPS("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx", SIGFPE);
        TRAPS("int3", SIGTRAP);
        TRAPS("int $0x81", SIGSEGV);
        TRAPS("movabs $0x8000000000000000, %%rax; mov (%%rax), %%rax", SIGSEGV);
        TRAPS("movabs $0xffff82d040000000, %%rax; mov (%%rax), %%rax", SIGSEGV);
        TRAPS("mov $0xe008, %%eax; mov %%eax, %%ds", SIGSEGV);
        TRAPS("mov $1, %%dx; in %%dx, %%al", SIGSEGV);
    }
}

static void test_calls(void)
{
    in_processes(WORKERS, call_worker);
}

/* --- memory: load memory MEGABYTES: more than there is, so that it is swapped */

static unsigned megabytes = 64;

static void test_memory(void)
{
    size_t words = (size_t)megabytes << 17;
    uint64_t *p = mmap(NULL, words * 8, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < words; i += 64)
            p[i] = (i + round) * 0x9e3779b97f4a7c15ull;
        for (size_t i = 0; i < words; i += 64)
            CHECK(p[i] == (i + round) * 0x9e3779b97f4a7c15ull);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"processes", test_processes}, {"maps", test_maps},
    {"threads", test_threads},     {"fpu", test_fpu},
    {"signals", test_signals},     {"ptrace", test_ptrace},
    {"calls", test_calls},         {"memory", test_memory},
};

int main(int argc, char **argv)
{
    struct timeval start, end;
    if (argc > 2)
        factor = megabytes = (unsigned)atoi(argv[2]);
    for (unsigned i = 0; argc > 1 && i < sizeof(tests) / sizeof(tests[0]); i++) {
        if (strcmp(tests[i].name, argv[1]))
            continue;
        gettimeofday(&start, NULL);
        tests[i].run();
        gettimeofday(&end, NULL);
        dprintf(1, "LOAD: %s right, %ld ms\n", argv[1],
                (end.tv_sec - start.tv_sec) * 1000 + (end.tv_usec - start.tv_usec) / 1000);
        return 0;
    }
    dprintf(2, "usage: load TEST [FACTOR]\n");
    return 2;
}
