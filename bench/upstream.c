/* A fake of models' providers that costs next to nothing: one epoll loop, answers encoded beforehand.
 *
 * Usage: upstream PORT. The path says whose answer it is: Anthropic's (/messages), Ollama's (/api/chat), Gemini's
 * (:streamGenerateContent), else OpenAI's chat completions; the last marker in the body says which one:
 *
 *     [[256 0]]        256 tokens at once
 *     [[256 20]]       256 tokens, 20 ms apart
 *     [[256 0 tool]]   a call of the tool `look` first; behind its result the 256 tokens
 *
 * Token n is the text " w0000" with n in it, so that whoever reads it sees what was lost. Each SSE event is an
 * HTTP chunk of its own, as OpenAI sends it. An answer at once goes out in one write. Only OpenAI's call a tool.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_TOKENS 10000 /* what four digits can tell apart */

enum provider { OPENAI, ANTHROPIC, OLLAMA, GEMINI };

/* The bytes of an answer; those up to ends[i] may go out when its token i is due. */
struct script {
    enum provider provider;
    int tokens, has_usage, is_call;
    char *bytes;
    size_t size, room, *ends;
    struct script *next;
};

struct conn {
    int fd, token, waits_for_room;
    char *in;
    size_t in_size, in_room;
    struct script *script; /* NULL between requests */
    size_t sent, may_send;
    int64_t delay_ns, due_ns;
    struct conn *before, *after; /* in the list of those that are due, soonest first */
};

static int epoll, timer;
static struct script *scripts;
static struct conn due = {.before = &due, .after = &due};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* --- what is said --- */

static void add(struct script *s, const char *bytes, size_t size) {
    if (s->size + size > s->room) {
        s->room = 2 * (s->size + size);
        s->bytes = realloc(s->bytes, s->room);
    }
    memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
}

/* Add one event as an HTTP chunk: `data: TEXT`, Anthropic's with its name before it, Ollama's as a line. */
__attribute__((format(printf, 2, 3))) static void say(struct script *s, const char *format, ...) {
    char text[1024], event[1200], chunk[1300], name[64] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (s->provider == ANTHROPIC)
        sscanf(text, "{\"type\":\"%63[a-z_]", name);
    int size = s->provider == OLLAMA      ? snprintf(event, sizeof event, "%s\n", text)
               : s->provider == ANTHROPIC ? snprintf(event, sizeof event, "event: %s\ndata: %s\n\n", name, text)
                                          : snprintf(event, sizeof event, "data: %s\n\n", text);
    add(s, chunk, snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", size, event));
}

static void say_chunk(struct script *s, const char *delta, const char *finish_reason) {
    say(s,
        "{\"id\":\"chatcmpl-C0000000000000000000000000000\",\"object\":\"chat.completion.chunk\","
        "\"created\":1754000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_0000000000\",\"choices\":[{\"index\":0,\"delta\":%s,\"logprobs\":null,"
        "\"finish_reason\":%s}]%s}",
        delta, finish_reason, s->has_usage ? ",\"usage\":null" : "");
}

static void say_opening(struct script *s) {
    if (s->provider == ANTHROPIC) {
        say(s, "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_0\",\"type\":\"message\",\"role\":\"assistant\","
               "\"model\":\"claude\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
               "\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}");
        say(s, "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
    }
}

static void say_token(struct script *s, int i) {
    if (s->provider == ANTHROPIC)
        say(s, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" w%04d\"}}", i);
    else if (s->provider == OLLAMA)
        say(s, "{\"model\":\"llama\",\"created_at\":\"2026-01-01T00:00:00.000000Z\","
               "\"message\":{\"role\":\"assistant\",\"content\":\" w%04d\"},\"done\":false}", i);
    else
        say(s, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" w%04d\"}],\"role\":\"model\"},\"index\":0}],"
               "\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":%d,\"totalTokenCount\":%d},"
               "\"modelVersion\":\"gemini\"}", i, i + 1, i + 10);
}

static void say_closing(struct script *s) {
    if (s->provider == ANTHROPIC) {
        say(s, "{\"type\":\"content_block_stop\",\"index\":0}");
        say(s, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
               "\"usage\":{\"input_tokens\":9,\"output_tokens\":%d}}", s->tokens);
        say(s, "{\"type\":\"message_stop\"}");
    } else if (s->provider == OLLAMA)
        say(s, "{\"model\":\"llama\",\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"message\":{\"role\":\"assistant\","
               "\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":9,\"eval_count\":%d}", s->tokens);
    else
        say(s, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"index\":0,"
               "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":%d,"
               "\"totalTokenCount\":%d},\"modelVersion\":\"gemini\"}", s->tokens, s->tokens + 9);
}

static void write_script(struct script *s) {
    static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                               "x-request-id: req_0\r\ntransfer-encoding: chunked\r\n\r\n";
    char delta[256];
    add(s, head, sizeof head - 1);
    if (s->provider != OPENAI) {
        say_opening(s);
        for (int i = 0; i < s->tokens; i++) {
            say_token(s, i);
            s->ends[i] = s->size;
        }
        say_closing(s);
        add(s, "0\r\n\r\n", 5);
        s->ends[s->tokens - 1] = s->size;
        return;
    }
    if (s->is_call) {
        say_chunk(s, "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"call_0\","
                     "\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"\"}}]}", "null");
        say_chunk(s, "{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}", "null");
    } else {
        say_chunk(s, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null");
    }
    for (int i = 0; i < s->tokens; i++) {
        snprintf(delta, sizeof delta, "{\"content\":\" w%04d\"}", i);
        say_chunk(s, delta, "null");
        s->ends[i] = s->size;
    }
    say_chunk(s, "{}", s->is_call ? "\"tool_calls\"" : "\"stop\"");
    if (s->has_usage)
        say(s,
            "{\"id\":\"chatcmpl-C0000000000000000000000000000\",\"object\":\"chat.completion.chunk\","
            "\"created\":1754000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[],\"usage\":"
            "{\"prompt_tokens\":9,\"completion_tokens\":%d,\"total_tokens\":%d}}",
            s->tokens, s->tokens + 9);
    say(s, "[DONE]");
    add(s, "0\r\n\r\n", 5);
    if (s->tokens)
        s->ends[s->tokens - 1] = s->size;
}

static struct script *script_of(enum provider provider, int tokens, int has_usage, int is_call) {
    for (struct script *s = scripts; s; s = s->next)
        if (s->provider == provider && s->tokens == tokens && s->has_usage == has_usage && s->is_call == is_call)
            return s;
    struct script *s = calloc(1, sizeof *s);
    s->provider = provider, s->tokens = tokens, s->has_usage = has_usage, s->is_call = is_call;
    s->ends = calloc(tokens + 1, sizeof *s->ends);
    write_script(s);
    s->next = scripts;
    return scripts = s;
}

/* --- when it is said --- */

static void arm(void) {
    struct itimerspec when = {0};
    if (due.after != &due) {
        when.it_value.tv_sec = due.after->due_ns / 1000000000LL;
        when.it_value.tv_nsec = due.after->due_ns % 1000000000LL;
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void leave_list(struct conn *c) {
    if (!c->before)
        return;
    c->before->after = c->after;
    c->after->before = c->before;
    c->before = c->after = NULL;
}

/* With one pace for all, the place is nearly always the end. */
static void join_list(struct conn *c) {
    struct conn *earlier = due.before;
    while (earlier != &due && earlier->due_ns > c->due_ns)
        earlier = earlier->before;
    c->before = earlier, c->after = earlier->after;
    earlier->after->before = c;
    earlier->after = c;
}

static void close_conn(struct conn *c) {
    leave_list(c);
    close(c->fd);
    free(c->in);
    free(c);
}

static void listen_for(struct conn *c, int waits_for_room) {
    if (c->waits_for_room == waits_for_room)
        return;
    c->waits_for_room = waits_for_room;
    struct epoll_event event = {.events = waits_for_room ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* Send what may go out. Returns 0 if the client is gone. */
static int send_more(struct conn *c) {
    while (c->sent < c->may_send) {
        ssize_t n = send(c->fd, c->script->bytes + c->sent, c->may_send - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            listen_for(c, 1);
            return 1;
        }
        if (n < 0)
            return 0;
        c->sent += n;
    }
    listen_for(c, 0);
    if (c->sent == c->script->size)
        c->script = NULL;
    return 1;
}

/* Say the next token of an answer at a pace. */
static int next_token(struct conn *c) {
    leave_list(c);
    c->may_send = c->script->ends[c->token++];
    if (c->token < c->script->tokens) {
        c->due_ns += c->delay_ns;
        join_list(c);
    }
    return send_more(c);
}

/* --- what is asked --- */

static const char *last(const char *in, size_t size, const char *what) {
    size_t length = strlen(what);
    for (const char *p = in + size - length; p >= in; p--)
        if (!memcmp(p, what, length))
            return p;
    return NULL;
}

static enum provider asked(const char *in) {
    char path[128] = "";
    sscanf(in, "%*s %127[^ ?]", path);
    return strstr(path, "/messages")              ? ANTHROPIC
           : strstr(path, "/api/chat")            ? OLLAMA
           : strstr(path, ":streamGenerateContent") ? GEMINI
                                                  : OPENAI;
}

static int begin(struct conn *c, enum provider provider, const char *body, size_t size) {
    int tokens = 1, delay_ms = 0, end = 0;
    char word[8] = "";
    const char *marker = last(body, size, "[["), *role = last(body, size, "\"role\"");
    if (!marker || sscanf(marker, "[[%d %d%n %7[a-z]", &tokens, &delay_ms, &end, word) < 2)
        return 0;
    if (tokens < 1 || tokens > MAX_TOKENS || delay_ms < 0)
        return 0;
    int is_answer_to_tool = role && strspn(role + 6, ": ") && !strncmp(role + 6 + strspn(role + 6, ": "), "\"tool\"", 6);
    int is_call = !strcmp(word, "tool") && !is_answer_to_tool && provider == OPENAI;
    int has_usage = memmem(body, size, "\"include_usage\"", 15) != NULL;
    c->script = script_of(provider, is_call ? 0 : tokens, has_usage, is_call);
    c->sent = 0;
    c->token = 0;
    if (is_call || !delay_ms) {
        c->may_send = c->script->size;
        return send_more(c);
    }
    c->delay_ns = delay_ms * 1000000LL;
    c->due_ns = now_ns();
    return next_token(c);
}

/* Answer the request in the buffer, once it is whole. Returns 0 if it makes no sense. */
static int answer(struct conn *c) {
    c->in[c->in_size] = 0;
    char *head_end = memmem(c->in, c->in_size, "\r\n\r\n", 4);
    if (!head_end)
        return 1;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    size_t body = length && length < head_end ? strtoul(length + 17, NULL, 10) : 0;
    size_t head = head_end + 4 - c->in;
    if (c->in_size < head + body)
        return 1;
    c->in_size = 0; /* nobody who asks this server sends a request before the last one is answered */
    return begin(c, asked(c->in), c->in + head, body);
}

static int receive(struct conn *c) {
    if (c->in_room - c->in_size < 65536)
        c->in = realloc(c->in, c->in_room = 2 * c->in_room + 65536);
    ssize_t n = recv(c->fd, c->in + c->in_size, c->in_room - c->in_size - 1, 0);
    if (n < 0)
        return errno == EAGAIN;
    c->in_size += n;
    return n > 0 && answer(c);
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct conn *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

static void tick(void) {
    uint64_t count;
    if (read(timer, &count, sizeof count) < 0)
        return;
    for (int64_t now = now_ns(); due.after != &due && due.after->due_ns <= now;) {
        struct conn *c = due.after;
        if (!next_token(c))
            close_conn(c);
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
        perror("upstream");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int port = argc > 1 ? atoi(argv[1]) : 9000, listener = listen_on(port);
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event on_listener = {.events = EPOLLIN, .data.ptr = &listener};
    struct epoll_event on_timer = {.events = EPOLLIN, .data.ptr = &timer}, events[256];
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &on_listener);
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &on_timer);
    printf("listening on %d\n", port);
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, 256, -1), is_due = 0;
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &listener)
                accept_all(listener);
            else if (who == &timer)
                is_due = 1;
            else {
                struct conn *c = who;
                int is_well = 1;
                if (events[i].events & EPOLLOUT && c->script)
                    is_well = send_more(c);
                if (is_well && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                    is_well = receive(c);
                if (!is_well)
                    close_conn(c);
            }
        }
        if (is_due) /* last: it may close connections that this round's events name */
            tick();
        arm();
    }
}
