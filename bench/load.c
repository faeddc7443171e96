/* A load generator that isn't the bottleneck: keeps STREAMS requests open, and checks that every answer is whole.
 *
 * Usage: load --port P --path /p --body '{"n": %d}' --tokens 256 [options below]. Prints one JSON object.
 *
 * An answer is whole when its status is 2xx, its tokens " w0000", " w0001", .. are there, all and in order, what
 * --end names is in it, and its body ends as HTTP says. The first that isn't voids the run: exit code 1.
 * Tokens count inside the measured window only; what is open at its end is still read to its own. With --whole the
 * window has whole answers: the warm-up's are over before it begins, and it ends with the last that began in it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CARRY 256 /* bytes of a body kept from one read to the next: no marker is longer */
#define ROOM (256 * 1024)
#define HEAD_ROOM 8192
#define STEPS 1000000 /* of 10 us: what a histogram tells apart */
#define MAX_PIDS 16

enum state { CLOSED, WAITS, IN_HEAD, IN_BODY };
enum chunk { SIZE, DATA, DATA_END, TRAILER };

struct conn {
    int fd, tokens, closes, has_end;
    enum state state;
    struct conn *leader, *followers; /* those that read the leader's run along */
    int open;                        /* answers of the leader's group that aren't over */
    char *out;
    size_t out_size, sent;
    char head[HEAD_ROOM], carry[CARRY];
    size_t head_size, carry_size;
    long long left; /* of the chunk, or of the whole body; -1: until the connection ends */
    int is_chunked;
    enum chunk chunk;
    char line[64];
    size_t line_size;
    int64_t asked_ns, last_ns, starts_ns;
};

static struct {
    int port, streams, tokens, readers, is_plain, is_whole, answers, ramp_ms, pids[MAX_PIDS], pid_count;
    double seconds, warmup, drain;
    const char *path, *body, *end;
    char headers[4096];
} want = {.streams = 1, .tokens = 256, .seconds = 10, .warmup = 2, .drain = 60, .path = "/", .body = ""};

static struct histogram {
    uint32_t counts[STEPS];
    int64_t size, max_ns;
} gaps, firsts, lasts;

static int epoll, number, is_counting, is_over;
static int64_t tokens, repeats, all_tokens, answers, all_answers, bytes;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
    char why[512];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    for (char *p = why; *p; p++)
        if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
            *p = ' ';
    printf("{\"void\": \"%s\"}\n", why);
    exit(1);
}

/* --- figures --- */

static void note(struct histogram *h, int64_t ns) {
    int64_t step = ns / 10000;
    h->counts[step < STEPS ? step : STEPS - 1]++;
    h->size++;
    if (ns > h->max_ns)
        h->max_ns = ns;
}

static double ms_at(const struct histogram *h, double share) {
    int64_t rest = (int64_t)(share * h->size), step = 0;
    while (step < STEPS - 1 && (rest -= h->counts[step]) >= 0)
        step++;
    return h->size ? (step + 0.5) / 100 : 0;
}

static void print_histogram(const char *name, const struct histogram *h) {
    printf("\"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}, ", name, ms_at(h, .5), ms_at(h, .99),
           h->max_ns / 1e6);
}

static double server_cpu_s(void) {
    double ticks = 0;
    for (int i = 0; i < want.pid_count; i++) {
        char path[64], text[1024];
        unsigned long user, kernel;
        snprintf(path, sizeof path, "/proc/%d/stat", want.pids[i]);
        FILE *file = fopen(path, "r");
        if (!file)
            fail("the server %d is gone", want.pids[i]);
        text[fread(text, 1, sizeof text - 1, file)] = 0;
        fclose(file);
        char *rest = strrchr(text, ')'); /* behind the name, which may hold anything */
        if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
            fail("%s can't be read", path);
        ticks += user + kernel;
    }
    return ticks / sysconf(_SC_CLK_TCK);
}

static long server_kb(void) {
    long sum = 0;
    for (int i = 0; i < want.pid_count; i++) {
        char path[64];
        long pages = 0;
        snprintf(path, sizeof path, "/proc/%d/statm", want.pids[i]);
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%*d %ld", &pages) == 1)
            sum += pages * (sysconf(_SC_PAGESIZE) / 1024);
        if (file)
            fclose(file);
    }
    return sum;
}

static double own_cpu_s(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* --- asking --- */

static void watch(struct conn *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, operation, c->fd, &event);
}

static void send_rest(struct conn *c) {
    while (c->sent < c->out_size) {
        ssize_t n = send(c->fd, c->out + c->sent, c->out_size - c->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return;
        }
        if (n < 0)
            fail("can't send: %s", strerror(errno));
        c->sent += n;
    }
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
}

static void connect_to(struct conn *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(want.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        fail("no socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        fail("can't connect: %s", strerror(errno));
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* Fill in the template: each %d becomes the number, in a copy that the caller frees. */
static char *numbered(const char *template, int n) {
    char *text = malloc(strlen(template) * 6 + 1), *end = text;
    for (const char *p = template; *p; p++) {
        if (p[0] == '%' && p[1] == 'd')
            end += sprintf(end, "%d", n), p++;
        else
            *end++ = *p;
    }
    *end = 0;
    return text;
}

static void ask(struct conn *c, const char *method, const char *path, const char *body) {
    if (c->state == CLOSED)
        connect_to(c);
    free(c->out);
    c->out_size = asprintf(&c->out, "%s %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n%scontent-length: %zu\r\n\r\n%s", method,
                           path, want.port, want.headers, strlen(body), body);
    c->state = IN_HEAD;
    c->sent = c->head_size = c->carry_size = c->line_size = 0;
    c->tokens = c->has_end = c->closes = c->is_chunked = 0;
    c->chunk = SIZE;
    c->asked_ns = c->last_ns = now_ns();
    send_rest(c);
}

static void begin(struct conn *c) {
    if (want.answers && number == want.answers) {
        is_over = 1;
        return;
    }
    int n = ++number;
    char *path = numbered(want.path, n), *body = numbered(want.body, n);
    c->open = 1 + want.readers;
    ask(c, *body ? "POST" : "GET", path, body);
    free(path), free(body);
}

/* Have the followers read the run that the leader's answer names. */
static void follow(struct conn *leader) {
    char *place = strcasestr(leader->head, "\r\nlocation: "), path[512];
    if (!place || sscanf(place + 12, "%480[^\r]", path) != 1)
        fail("an answer names no location to follow");
    strcat(path, "/events");
    for (int i = 0; i < want.readers; i++)
        ask(&leader->followers[i], "GET", path, "");
}

/* --- reading --- */

static void token(struct conn *c, int n, int64_t now) {
    if (n < c->tokens) { /* said again, in a whole message or a state */
        repeats++;
        return;
    }
    if (n > c->tokens)
        fail("token %d is lost: %d came instead", c->tokens, n);
    c->tokens++;
    all_tokens++;
    if (is_counting) {
        tokens++;
        note(n ? &gaps : &firsts, now - c->last_ns);
    }
    c->last_ns = now;
}

/* Look for tokens and the end's mark; what lies before `fresh` was looked at. A token is a JSON string of its own,
 * or with --plain just text. */
static void scan(struct conn *c, const char *from, const char *fresh, const char *to, int64_t now) {
    int margin = want.is_plain ? 0 : 1;
    for (const char *p = from + 1 + margin; p < to && (p = memchr(p, 'w', to - p)); p++) {
        if (to - p < 5 + margin)
            break; /* the rest comes with the next read */
        if (p + 5 + margin <= fresh || p[-1] != ' ' || (margin && (p[-2] != '"' || p[5] != '"')))
            continue;
        int n = 0, i = 1;
        for (; i < 5 && p[i] >= '0' && p[i] <= '9'; i++)
            n = 10 * n + p[i] - '0';
        if (i == 5)
            token(c, n, now);
    }
    if (want.end && !c->has_end)
        c->has_end = memmem(from, to - from, want.end, strlen(want.end)) != NULL;
}

static void hang_up(struct conn *c) {
    close(c->fd);
    c->state = CLOSED;
}

static void finish(struct conn *c, int64_t now) {
    struct conn *leader = c->leader;
    if (c->tokens != want.tokens)
        fail("an answer has %d tokens of %d; it ends with: %.*s", c->tokens, want.tokens, (int)c->carry_size, c->carry);
    if (want.end && !c->has_end)
        fail("an answer ends without %s", want.end);
    c->state = WAITS;
    if (c->closes)
        hang_up(c);
    if (c == leader) {
        all_answers++;
        if (is_counting) {
            answers++;
            note(&lasts, now - c->asked_ns);
        }
    }
    if (--leader->open == 0 && !is_over)
        begin(leader);
}

static char *header(struct conn *c, const char *name) {
    char *place = strcasestr(c->head, name);
    return place ? place + strlen(name) : NULL;
}

/* Read the head; returns how many of the bytes belong to it. */
static size_t read_head(struct conn *c, const char *in, size_t size) {
    size_t before = c->head_size, taken = size < HEAD_ROOM - 1 - before ? size : HEAD_ROOM - 1 - before;
    memcpy(c->head + before, in, taken);
    c->head[before + taken] = 0;
    char *end = strstr(c->head, "\r\n\r\n"), *value;
    if (!end) {
        c->head_size += taken;
        if (c->head_size == HEAD_ROOM - 1)
            fail("a head is too long");
        return taken;
    }
    end[2] = 0;
    int status = atoi(c->head + 9);
    if (status < 200 || status > 299)
        fail("status %d: %.300s", status, end + 4);
    c->is_chunked = header(c, "\r\ntransfer-encoding: chunked") != NULL;
    c->left = (value = header(c, "\r\ncontent-length: ")) ? atoll(value) : -1;
    c->closes = header(c, "\r\nconnection: close") != NULL;
    c->state = IN_BODY;
    if (c == c->leader && want.readers)
        follow(c);
    return end + 4 - c->head - before;
}

/* Move the body's bytes to `out`, without HTTP's chunk lines; returns where they end, and whether it is over. */
static char *unchunk(struct conn *c, char *p, char *to, char *out, int *is_over_now) {
    while (p < to && !*is_over_now) {
        if (c->chunk == DATA) {
            long long n = to - p < c->left ? to - p : c->left;
            memmove(out, p, n);
            p += n, out += n;
            if ((c->left -= n) == 0)
                c->chunk = DATA_END;
            continue;
        }
        char byte = *p++;
        if (byte != '\n') {
            if (c->line_size < sizeof c->line - 1)
                c->line[c->line_size++] = byte;
            continue;
        }
        c->line[c->line_size] = 0;
        if (c->chunk == SIZE) {
            c->left = strtoll(c->line, NULL, 16);
            c->chunk = c->left ? DATA : TRAILER;
        } else if (c->chunk == DATA_END) {
            c->chunk = SIZE;
        } else if (c->line_size <= 1) {
            *is_over_now = 1;
        }
        c->line_size = 0;
    }
    return out;
}

static void read_body(struct conn *c, char *p, char *to, int64_t now) {
    char *end = to;
    int is_whole = 0;
    if (c->is_chunked) {
        end = unchunk(c, p, to, p, &is_whole);
    } else if (c->left >= 0) {
        c->left -= to - p;
        is_whole = c->left <= 0;
    }
    char *from = p - c->carry_size; /* there is room: the buffer begins CARRY bytes before */
    memcpy(from, c->carry, c->carry_size);
    scan(c, from, p, end, now);
    c->carry_size = end - from < CARRY ? end - from : CARRY;
    memcpy(c->carry, end - c->carry_size, c->carry_size);
    if (is_whole)
        finish(c, now);
}

static void receive(struct conn *c) {
    static char room[CARRY + ROOM];
    char *in = room + CARRY;
    ssize_t n = recv(c->fd, in, ROOM, 0);
    int64_t now = now_ns();
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        int state = c->state, is_until_end = !c->is_chunked && c->left == -1;
        hang_up(c);
        if (state == IN_BODY && is_until_end && n == 0)
            c->closes = 0, finish(c, now);
        else if (state != WAITS)
            fail("the connection ended in mid-answer, behind %d tokens", c->tokens);
        return;
    }
    if (is_counting)
        bytes += n;
    size_t skip = c->state == IN_HEAD ? read_head(c, in, n) : 0;
    if (c->state == IN_BODY) {
        memmove(in, in + skip, n - skip);
        read_body(c, in, in + n - skip, now);
    }
}

/* --- the run --- */

static int open_answers(struct conn *conns) {
    int open = 0;
    for (int i = 0; i < want.streams; i++)
        open += conns[i].open;
    return open;
}

/* Serve the connections until the moment, or in the drain until the last answer is over. */
static void run_until(struct conn *conns, int64_t end_ns, int64_t *next_ns) {
    struct epoll_event events[256];
    for (int64_t now = now_ns(); now < end_ns; now = now_ns()) {
        if (is_over && !open_answers(conns))
            return;
        int64_t until = end_ns;
        if (!is_over && *next_ns) {
            *next_ns = 0;
            for (int i = 0; i < want.streams; i++) {
                struct conn *c = &conns[i];
                if (c->starts_ns && c->starts_ns <= now)
                    c->starts_ns = 0, begin(c);
                else if (c->starts_ns && (!*next_ns || c->starts_ns < *next_ns))
                    *next_ns = c->starts_ns;
            }
            if (*next_ns && *next_ns < until)
                until = *next_ns;
        }
        int n = epoll_wait(epoll, events, 256, (until - now) / 1000000 + 1);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c->state == IN_HEAD && events[i].events & EPOLLOUT)
                send_rest(c);
            if (c->state != CLOSED && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(c);
        }
    }
}

/* Ask for nothing more, and wait until all that is open is over. */
static void drain(struct conn *conns) {
    int64_t never = 0;
    is_over = 1;
    run_until(conns, now_ns() + (int64_t)(want.drain * 1e9), &never);
    if (open_answers(conns))
        fail("%d answers didn't end within %g s", open_answers(conns), want.drain);
    is_over = 0;
}

static void run_for(struct conn *conns, double seconds, int64_t *next_ns) {
    run_until(conns, now_ns() + (int64_t)(seconds * 1e9), next_ns);
}

/* Have the streams begin one after the other, over the ramp. Returns when the first does. */
static int64_t begin_all(struct conn *conns) {
    int64_t now = now_ns();
    for (int i = 0; i < want.streams; i++)
        conns[i].starts_ns = now + want.ramp_ms * 1000000LL * i / want.streams;
    return now;
}

static struct conn *make_conns(void) {
    struct conn *conns = calloc(want.streams, sizeof *conns);
    for (int i = 0; i < want.streams; i++) {
        struct conn *c = &conns[i];
        c->leader = c;
        c->followers = calloc(want.readers + 1, sizeof *c);
        for (int j = 0; j < want.readers; j++)
            c->followers[j].leader = c;
    }
    return conns;
}

static void read_options(int argc, char **argv) {
    static const struct option options[] = {
        {"port", 1, 0, 'p'},    {"path", 1, 0, 'u'},    {"body", 1, 0, 'b'},    {"header", 1, 0, 'h'},
        {"streams", 1, 0, 'k'}, {"seconds", 1, 0, 's'}, {"warmup", 1, 0, 'w'},  {"ramp-ms", 1, 0, 'r'},
        {"tokens", 1, 0, 't'},  {"end", 1, 0, 'e'},     {"plain", 0, 0, 'x'},   {"readers", 1, 0, 'f'},
        {"pid", 1, 0, 'i'},     {"drain", 1, 0, 'd'},   {"whole", 0, 0, 'a'},   {"answers", 1, 0, 'n'},
        {0, 0, 0, 0}};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 'p': want.port = atoi(optarg); break;
        case 'u': want.path = optarg; break;
        case 'b': want.body = optarg; break;
        case 'h':
            if (strlen(want.headers) + strlen(optarg) + 3 > sizeof want.headers)
                fail("too many headers");
            strcat(strcat(want.headers, optarg), "\r\n");
            break;
        case 'k': want.streams = atoi(optarg); break;
        case 's': want.seconds = atof(optarg); break;
        case 'w': want.warmup = atof(optarg); break;
        case 'r': want.ramp_ms = atoi(optarg); break;
        case 't': want.tokens = atoi(optarg); break;
        case 'e': want.end = optarg; break;
        case 'x': want.is_plain = 1; break;
        case 'n': want.answers = atoi(optarg); break;
        case 'a': want.is_whole = 1; break;
        case 'f': want.readers = atoi(optarg); break;
        case 'i':
            if (want.pid_count < MAX_PIDS)
                want.pids[want.pid_count++] = atoi(optarg);
            break;
        case 'd': want.drain = atof(optarg); break;
        default: exit(2);
        }
    }
    if (want.end && strlen(want.end) > CARRY)
        fail("--end is longer than %d bytes", CARRY);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(0);
    struct conn *conns = make_conns();
    int64_t next = begin_all(conns);

    run_for(conns, want.warmup, &next);
    if (want.is_whole) {
        drain(conns);
        next = begin_all(conns);
    }
    double server = server_cpu_s(), own = own_cpu_s();
    int64_t opens = now_ns();
    is_counting = 1;
    run_for(conns, want.seconds, &next);
    if (want.is_whole)
        drain(conns);
    is_counting = 0;
    double seconds = (now_ns() - opens) / 1e9;
    server = server_cpu_s() - server, own = own_cpu_s() - own;
    long kb = server_kb();
    drain(conns);

    printf("{\"void\": null, \"seconds\": %.3f, \"tokens\": %ld, \"answers\": %ld, ", seconds, tokens, answers);
    printf("\"all_tokens\": %ld, \"all_answers\": %ld, \"repeats\": %ld, \"bytes\": %ld, ", all_tokens, all_answers,
           repeats, bytes);
    print_histogram("gap_ms", &gaps);
    print_histogram("first_token_ms", &firsts);
    print_histogram("answer_ms", &lasts);
    printf("\"server_cpu_s\": %.3f, \"server_kb\": %ld, \"load_cpu_s\": %.3f}\n", server, kb, own);
    return 0;
}
