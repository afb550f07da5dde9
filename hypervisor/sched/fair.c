/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fair policy: every vCPU gets CPU time in proportion to its weight.
 *
 * A vCPU's virtual time grows while it runs, by the time that it ran, divided by its weight; of
 * those that wait on a CPU the one with the least runs next. Who was asleep comes back with at most
 * WAKE_CREDIT less than the others of its CPU, so that sleeping cannot be saved up.
 *
 * Each CPU has a queue, ordered by virtual time. For fairness across CPUs the virtual times of all
 * queues must be comparable: each queue's times, with its offset added, are in one global scale. A
 * CPU on which vCPUs wait looks every BALANCE_INTERVAL for the CPU whose current vCPU is furthest
 * ahead in that scale, and asks it to take a vCPU over; so three equal vCPUs on two CPUs get two
 * thirds each. Queues that do not exchange vCPUs (by affinity) drift apart. A queue that is far
 * behind is moved up as a whole, by its offset, and a vCPU that changes queues is brought near its
 * new queue: old debts are never more than LAG_MAX, and an idle CPU has none.
 *
 * Virtual times are compared by the sign of their difference, so they may wrap around.
 */
#include "core/time.h"
#include "lib/print.h"
#include "policy.h"

#define SLICE            MILLISECONDS(10)
#define BALANCE_INTERVAL MILLISECONDS(10)
/* A run without any contention counts for so much at most. */
#define CHARGE_MAX SECONDS(1)

/* Virtual time, in ns at the default weight. */
#define WAKE_CREDIT       ((s64)MILLISECONDS(5))
#define PREEMPT_MARGIN    ((s64)MILLISECONDS(1))
#define BALANCE_THRESHOLD ((s64)MILLISECONDS(15))
#define LAG_MAX           ((s64)MILLISECONDS(100))

struct fair_queue {
    struct list_node waiting; /* ascending by vtime */
    u64 clock;                /* least virtual time of those that run or wait here; only grows */
    u64 offset;               /* virtual time + offset is global */
    nsec_t balanced;          /* when it last looked for a CPU to help */
    /* For other CPUs, which read them without a lock: they need be near the truth only. */
    u64 lead;         /* global virtual time of the current vCPU ... */
    nsec_t lead_time; /* ... at this moment */
    u32 lead_weight;  /* 0: the CPU is idle */
};

static DEFINE_PER_CPU(struct fair_queue, fair_queue);

/* The furthest that any queue had come at that moment, in global virtual time. */
static u64 fair_front;
static nsec_t fair_front_time;

static s64 vtime_diff(u64 a, u64 b)
{
    return (s64)(a - b);
}

static u64 vtime_of_run(nsec_t ran, u32 weight)
{
    if (ran > CHARGE_MAX)
        ran = CHARGE_MAX;
    return likely(weight == SCHED_WEIGHT_DEFAULT) ? ran : ran * SCHED_WEIGHT_DEFAULT / weight;
}

static struct vcpu *vcpu_of_node(struct list_node *node)
{
    return container_of(node, struct vcpu, sched.run_node);
}

static struct vcpu *queue_first(struct fair_queue *q)
{
    return list_empty(&q->waiting) ? NULL : vcpu_of_node(q->waiting.next);
}

static void fair_cpu_init(u32 cpu)
{
    struct fair_queue *q = &per_cpu(fair_queue, cpu);

    *q = (struct fair_queue){.offset = READ_ONCE(fair_front)};
    list_init(&q->waiting);
}

static void fair_vcpu_init(struct vcpu *v)
{
    v->sched.weight = SCHED_WEIGHT_DEFAULT;
    v->sched.vtime = per_cpu(fair_queue, v->cpu).clock;
}

/* How far ahead of that the current vCPU of a CPU is by now; of an idle one, as if it were behind.
 */
static s64 lead_over(const struct fair_queue *q, u64 global, nsec_t now)
{
    u32 weight = READ_ONCE(q->lead_weight);
    nsec_t time = READ_ONCE(q->lead_time);
    if (!weight)
        return -1;
    u64 ran = now > time ? vtime_of_run(now - time, weight) : 0;
    return vtime_diff(READ_ONCE(q->lead) + ran, global);
}

/* Those that run alone are charged seldom: look where they are, if nobody has for long. */
static void front_refresh(nsec_t now)
{
    u64 front = READ_ONCE(fair_front);
    u32 cpu;

    if (now - READ_ONCE(fair_front_time) < BALANCE_INTERVAL)
        return;
    for_each_active_cpu (cpu) {
        s64 ahead = lead_over(&per_cpu(fair_queue, cpu), front, now);
        if (ahead > 0)
            front += (u64)ahead;
    }
    WRITE_ONCE(fair_front, front);
    WRITE_ONCE(fair_front_time, now);
}

/* Not further behind the front than so much. */
static void queue_limit_lag(struct fair_queue *q, s64 most)
{
    s64 lag = vtime_diff(READ_ONCE(fair_front), q->clock + q->offset);

    if (lag > most)
        q->offset += (u64)(lag - most);
}

static void queue_catch_up(struct fair_queue *q)
{
    queue_limit_lag(q, LAG_MAX);
}

static void fair_charge(struct vcpu *v, nsec_t now)
{
    struct fair_queue *q = &per_cpu(fair_queue, v->cpu);

    if (likely(now > v->sched.charged)) {
        v->sched.vtime += vtime_of_run(now - v->sched.charged, v->sched.weight);
        v->sched.charged = now;
    }

    const struct vcpu *first = queue_first(q);
    u64 least = v->sched.vtime;
    if (first && vtime_diff(first->sched.vtime, least) < 0)
        least = first->sched.vtime;
    if (vtime_diff(least, q->clock) > 0)
        q->clock = least;
    if (vtime_diff(q->clock + q->offset, READ_ONCE(fair_front)) > 0) {
        WRITE_ONCE(fair_front, q->clock + q->offset);
        WRITE_ONCE(fair_front_time, now);
    }

    WRITE_ONCE(q->lead, v->sched.vtime + q->offset);
    WRITE_ONCE(q->lead_time, now);
    WRITE_ONCE(q->lead_weight, v->sched.weight);
}

static void fair_vcpu_move(struct vcpu *v, u32 to)
{
    struct fair_queue *src = &per_cpu(fair_queue, v->cpu), *dst = &per_cpu(fair_queue, to);

    queue_catch_up(src);
    queue_catch_up(dst);
    u64 vtime = v->sched.vtime + src->offset - dst->offset;
    s64 lead = vtime_diff(vtime, dst->clock);
    if (lead > LAG_MAX)
        vtime = dst->clock + (u64)LAG_MAX;
    else if (lead < -LAG_MAX)
        vtime = dst->clock - (u64)LAG_MAX;
    v->sched.vtime = vtime;
}

static void fair_enqueue(struct vcpu *v, enum sched_why why)
{
    struct fair_queue *q = &per_cpu(fair_queue, v->cpu);
    struct list_node *at = &q->waiting;

    if (why == SCHED_WOKEN) {
        if (list_empty(&q->waiting) && sched_current_of(v->cpu)->is_idle) {
            /* Nobody waited for this CPU, so nobody here is owed anything. */
            front_refresh(time_now());
            queue_limit_lag(q, 0);
        }
        queue_catch_up(q);
        if (vtime_diff(v->sched.vtime, q->clock) < -WAKE_CREDIT)
            v->sched.vtime = q->clock - (u64)WAKE_CREDIT;
    }
    /* Behind its equals. */
    while (at->prev != &q->waiting &&
           vtime_diff(vcpu_of_node(at->prev)->sched.vtime, v->sched.vtime) > 0)
        at = at->prev;
    list_insert_before(at, &v->sched.run_node);
}

static void fair_dequeue(struct vcpu *v)
{
    list_remove(&v->sched.run_node);
}

/* How long who is not behind runs while others wait. */
static nsec_t slice(void)
{
    return MAX(SLICE, READ_ONCE(sched_rate_limit));
}

static struct vcpu *fair_choose(u32 cpu, struct vcpu *prev, bool yielded, nsec_t now)
{
    struct fair_queue *q = &per_cpu(fair_queue, cpu);
    struct vcpu *first = queue_first(q);

    if (!first) {
        if (!prev)
            WRITE_ONCE(q->lead_weight, 0);
        return prev;
    }
    if (!prev)
        return first;

    s64 ahead = vtime_diff(prev->sched.vtime, first->sched.vtime);
    if (yielded) {
        /* Else it would be chosen again before the other has run for long. */
        if (ahead < 0)
            prev->sched.vtime = first->sched.vtime;
        return first;
    }
    nsec_t ran = now - prev->sched.started;
    bool change = ran >= slice() ? ahead > 0 : ran >= sched_rate_limit && ahead > PREEMPT_MARGIN;
    return change ? first : prev;
}

static nsec_t fair_next_choice(u32 cpu, const struct vcpu *next, nsec_t now)
{
    struct fair_queue *q = &per_cpu(fair_queue, cpu);
    const struct vcpu *first = queue_first(q);
    nsec_t ran = now - next->sched.started;

    if (ran < sched_rate_limit && first &&
        vtime_diff(next->sched.vtime, first->sched.vtime) > PREEMPT_MARGIN)
        return next->sched.started + sched_rate_limit;
    return ran < slice() ? next->sched.started + slice() : now + slice();
}

static nsec_t fair_preempt_at(const struct vcpu *current_vcpu, const struct vcpu *v, nsec_t now)
{
    if (vtime_diff(current_vcpu->sched.vtime, v->sched.vtime) > PREEMPT_MARGIN)
        return MAX(now, current_vcpu->sched.started + sched_rate_limit);
    return MAX(now + sched_rate_limit, current_vcpu->sched.started + slice());
}

/*
 * Of those that may run there the one furthest behind; for an idle CPU rather one that prefers it.
 */
static struct vcpu *fair_steal(u32 from, u32 to, enum sched_steal why)
{
    struct fair_queue *src = &per_cpu(fair_queue, from), *dst = &per_cpu(fair_queue, to);
    struct vcpu *v, *second_choice = NULL;

    queue_catch_up(src);
    u64 limit = dst->lead - src->offset - (u64)BALANCE_THRESHOLD;
    list_for_each (v, &src->waiting, sched.run_node) {
        if (why == SCHED_STEAL_BALANCE && vtime_diff(v->sched.vtime, limit) > 0)
            break;
        if (!sched_cpu_allowed(v, to))
            continue;
        if (why == SCHED_STEAL_BALANCE || cpumask_test(&v->sched.affinity_soft, to))
            return v;
        if (!second_choice)
            second_choice = v;
    }
    return second_choice;
}

static u32 fair_balance(u32 cpu, nsec_t now)
{
    struct fair_queue *q = &per_cpu(fair_queue, cpu);
    const struct vcpu *first = queue_first(q);
    u32 other, found = NR_CPUS;

    if (!first || now - q->balanced < BALANCE_INTERVAL)
        return NR_CPUS;
    q->balanced = now;
    queue_catch_up(q);

    s64 most = BALANCE_THRESHOLD;
    for_each_active_cpu (other) {
        if (other == cpu || !sched_cpu_allowed(first, other))
            continue;
        s64 ahead = lead_over(&per_cpu(fair_queue, other), first->sched.vtime + q->offset, now);
        if (ahead > most) {
            most = ahead;
            found = other;
        }
    }
    return found;
}

static void fair_dump(u32 cpu)
{
    struct fair_queue *q = &per_cpu(fair_queue, cpu);
    struct vcpu *v;

    list_for_each (v, &q->waiting, sched.run_node) {
        log_info("  d%uv%u waits, weight %u, %lld us after the queue's clock", v->domain->id, v->id,
                 v->sched.weight,
                 (long long)vtime_diff(v->sched.vtime, q->clock) / (s64)MICROSECONDS(1));
    }
}

const struct sched_policy sched_fair = {
    .name = "fair",
    .cpu_init = fair_cpu_init,
    .vcpu_init = fair_vcpu_init,
    .vcpu_move = fair_vcpu_move,
    .enqueue = fair_enqueue,
    .dequeue = fair_dequeue,
    .charge = fair_charge,
    .choose = fair_choose,
    .next_choice = fair_next_choice,
    .preempt_at = fair_preempt_at,
    .steal = fair_steal,
    .balance = fair_balance,
    .dump = fair_dump,
};
