/* Cuts a sentence into pieces and has each said by the part that knows it. */
#include "text/spoken.h"

#include "base/error.h"
#include "text/sentences.h"
#include "text/spoken_private.h"
#include <string.h>

void mli_spoken_init(mli_spoken *s, const modellab_allocator *alloc)
{
    mli_buf_init(&s->text, alloc);
    mli_buf_init(&s->words, alloc);
    mli_buf_init(&s->pieces, alloc);
    mli_clean_init(&s->clean, alloc);
    s->unsaid = 0;
}

void mli_spoken_dispose(mli_spoken *s)
{
    mli_buf_dispose(&s->text);
    mli_buf_dispose(&s->words);
    mli_buf_dispose(&s->pieces);
    mli_clean_dispose(&s->clean);
}

mli_text_part mli_piece_text(const mli_saying *s, size_t at)
{
    if (at >= s->count)
        return (mli_text_part){"", 0};
    return (mli_text_part){s->text + s->pieces[at].at, s->pieces[at].bytes};
}

static void mark_last(mli_spoken *s, char mark)
{
    if (s->words.size == 0 || s->words.status != MODELLAB_OK)
        return;
    mli_spoken_word *last = (mli_spoken_word *)(void *)(s->words.data + s->words.size) - 1;
    static const char order[] = "-,;:.!?"; /* the stronger wins */
    if (last->mark == 0 || strchr(order, mark) > strchr(order, last->mark))
        last->mark = mark;
}

void mli_saying_at(mli_saying *s, size_t at)
{
    if (at > 0 && s->pieces[at - 1].mark != 0)
        mark_last(s->out, s->pieces[at - 1].mark);
    s->from = s->pieces[at].from;
    s->to = s->pieces[at].to;
}

bool mli_text_is(mli_text_part span, const char *word)
{
    for (size_t i = 0; i < span.bytes; i++) {
        if (word[i] == '\0' || mli_lower(span.text[i]) != mli_lower(word[i]))
            return false;
    }
    return word[span.bytes] == '\0';
}

void mli_say_word(mli_saying *s, const char *word, size_t bytes, uint32_t flags)
{
    mli_spoken_word w = {
        .at = (uint32_t)s->out->text.size, .from = s->from, .to = s->to, .flags = flags};
    for (size_t i = 0; i < bytes; i++) {
        char c = mli_lower(word[i]);
        if ((c >= 'a' && c <= 'z') || (c == '\'' && s->out->text.size > w.at))
            mli_buf_append_char(&s->out->text, c);
    }
    w.bytes = (uint32_t)s->out->text.size - w.at;
    if (w.bytes > 0)
        mli_buf_append(&s->out->words, &w, sizeof w);
}

void mli_say(mli_saying *s, const char *words)
{
    while (*words != '\0') {
        const char *end = strchr(words, ' ');
        size_t bytes = end != NULL ? (size_t)(end - words) : strlen(words);
        mli_say_word(s, words, bytes, 0);
        words += bytes + (end != NULL ? 1 : 0);
    }
}

static bool opens(char c)
{
    return strchr("([{\"'`*_~|", c) != NULL;
}

static bool closes(char c)
{
    return strchr(")]}\"'`*_~|.,;:!?", c) != NULL;
}

static char mark_of(const char *text, size_t bytes)
{
    char mark = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (c == '?' || (c == '!' && mark != '?'))
            mark = c;
        else if ((c == ',' || c == ';' || c == ':') && mark == 0)
            mark = c;
        else if ((c == ')' || c == ']') && mark == 0)
            mark = ',';
        else if (c == '.' && i + 1 < bytes && text[i + 1] == '.' && mark == 0)
            mark = ','; /* an ellipsis within a sentence */
        quoted = quoted || c == '"';
    }
    return mark;
}

/* A piece between from and end (no white space inside); adds it without its punctuation. */
static void add_piece(mli_spoken *s, const char *text, size_t from, size_t end)
{
    mli_piece p = {0};
    size_t head = from, tail = end;
    while (head < tail && opens(text[head]) && text[head] != '\0') {
        p.quote = text[head] == '\'';
        head++;
    }
    while (tail > head && closes(text[tail - 1]))
        tail--;
    if (tail < end && text[tail] == ')' && memchr(text + head, '(', tail - head) != NULL)
        tail++; /* f(x) */
    p.mark = mark_of(text + tail, end - tail);
    p.dot = tail < end && text[tail] == '.';
    p.at = (uint32_t)head;
    p.bytes = (uint32_t)(tail - head);
    p.from = mli_clean_place(&s->clean, head);
    p.to = mli_clean_place(&s->clean, tail);
    const bool bracket = memchr(text + from, '(', head - from) != NULL ||
                         memchr(text + from, '[', head - from) != NULL;
    const bool dashes = p.bytes > 0 && strspn(text + head, "-") >= p.bytes;
    mli_piece *last = s->pieces.size > 0 && s->pieces.status == MODELLAB_OK
                          ? (mli_piece *)(void *)(s->pieces.data + s->pieces.size) - 1
                          : NULL;
    if ((bracket || dashes || p.bytes == 0) && last != NULL && last->mark == 0)
        last->mark = p.bytes == 0 ? p.mark : ',';
    if (p.bytes > 0 && !dashes)
        mli_buf_append(&s->pieces, &p, sizeof p);
}

/* Whether a piece ends behind `at` although no white space follows: "wait...what", "this,that". */
static bool cuts(const char *text, size_t from, size_t at, size_t end)
{
    if (at + 1 >= end || at == from || !mli_is_letter(text[at + 1]))
        return false;
    if (text[at] == '.' && at - from >= 2 && text[at - 1] == '.' && text[at - 2] == '.')
        return true;
    return strchr(",;!?", text[at]) != NULL && mli_is_letter(text[at - 1]) &&
           memchr(text + from, '/', at - from) == NULL;
}

static void cut_pieces(mli_spoken *s)
{
    const char *text = mli_buf_text(&s->clean.text);
    const size_t bytes = s->clean.text.size;
    for (size_t at = 0; at < bytes;) {
        while (at < bytes && text[at] == ' ')
            at++;
        size_t from = at, end = at;
        while (end < bytes && text[end] != ' ')
            end++;
        for (; at < end; at++) {
            if (cuts(text, from, at, end)) {
                add_piece(s, text, from, at + 1);
                from = at + 1;
            }
        }
        if (end > from)
            add_piece(s, text, from, end);
    }
}

static bool shouts(const char *text, size_t bytes)
{
    size_t upper = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            return false;
        upper += mli_is_upper(text[i]) ? 1 : 0;
    }
    return upper > 6;
}

/* The pause behind the whole sentence. */
static char final_mark(const char *text, size_t bytes)
{
    while (bytes > 0 && (text[bytes - 1] == ' ' ||
                         (closes(text[bytes - 1]) && strchr(".,;:!?", text[bytes - 1]) == NULL)))
        bytes--;
    char mark = bytes > 0 ? text[bytes - 1] : '.';
    return mark != '\0' && strchr(",;:!?", mark) != NULL ? mark : '.';
}

static void say_all(mli_saying *s)
{
    static size_t (*const parts[])(mli_saying *, size_t) = {
        mli_say_address, mli_say_date,         mli_say_time,   mli_say_quantity,
        mli_say_roman,   mli_say_abbreviation, mli_say_number,
    };
    for (size_t at = 0; at < s->count;) {
        size_t taken = 0;
        mli_saying_at(s, at);
        for (size_t i = 0; i < sizeof parts / sizeof *parts && taken == 0; i++)
            taken = parts[i](s, at);
        if (taken == 0) {
            mli_say_plain(s, at);
            taken = 1;
        }
        at += taken;
    }
}

modellab_status mli_spoken_set(mli_spoken *s, const char *sentence, size_t bytes, size_t base,
                               modellab_error *err)
{
    mli_buf_clear(&s->text);
    mli_buf_clear(&s->words);
    mli_buf_clear(&s->pieces);
    s->unsaid = 0;
    if (bytes > MLI_SENTENCE_BYTES + 64)
        return mli_fail(err, MODELLAB_E_LIMIT, "a sentence is longer than %d bytes",
                        MLI_SENTENCE_BYTES + 64);
    modellab_status status = mli_clean_set(&s->clean, sentence, bytes, base, err);
    if (status != MODELLAB_OK)
        return status;
    cut_pieces(s);
    status = mli_buf_status(&s->pieces, err);
    if (status != MODELLAB_OK)
        return status;
    const char *text = mli_buf_text(&s->clean.text);
    mli_saying saying = {.out = s,
                         .text = text,
                         .pieces = (const mli_piece *)(const void *)s->pieces.data,
                         .count = s->pieces.size / sizeof(mli_piece),
                         .shouting = shouts(text, s->clean.text.size)};
    say_all(&saying);
    s->unsaid = s->clean.unsaid;
    if (saying.count > 0 && saying.pieces[saying.count - 1].mark != 0)
        mark_last(s, saying.pieces[saying.count - 1].mark);
    mark_last(s, final_mark(text, s->clean.text.size));
    status = mli_buf_status(&s->text, err);
    return status == MODELLAB_OK ? mli_buf_status(&s->words, err) : status;
}

void mli_spoken_show(const mli_spoken *s, mli_buf *out)
{
    for (size_t i = 0; i < mli_spoken_count(s); i++) {
        const mli_spoken_word *w = mli_spoken_at(s, i);
        if (i > 0)
            mli_buf_append_char(out, ' ');
        if ((w->flags & MLI_SPOKEN_LETTERS) != 0)
            mli_buf_append_char(out, '<');
        mli_buf_append(out, s->text.data + w->at, w->bytes);
        if ((w->flags & MLI_SPOKEN_LETTERS) != 0)
            mli_buf_append_char(out, '>');
        if (w->mark != 0)
            mli_buf_append_char(out, w->mark);
    }
}
