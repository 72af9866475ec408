/* The provider of this library: extracts of the transcript, in its own words. */
#include "base/alloc.h"
#include "base/error.h"
#include "lab/digest_provider.h"
#include "text/digest.h"
#include <string.h>

enum { SENTENCES_MOST = 100, SENTENCES = 5, MIN_SECONDS = 60, TITLE_WORDS = 3, ITEMS_MOST = 1000 };

typedef struct extract {
    mli_worker *w;
    const mli_transcript *transcript;
    const mli_digest *digest;
    mli_jw *json;
} extract;

static double seconds(double value)
{
    return (double)(int64_t)(value * 1000.0 + 0.5) / 1000.0;
}

static void put_sentence(mli_jw *json, const mli_digest_sentence *s)
{
    mli_jw_kreal(json, "start", seconds(s->start));
    mli_jw_kreal(json, "end", seconds(s->end));
    if (s->speaker != NULL) {
        mli_jw_kstring(json, "speaker", s->speaker);
    }
    mli_jw_kstring(json, "text", s->text);
}

MODELLAB_MUST_CHECK static modellab_status summarise(const extract *e, modellab_error *err)
{
    mli_digest_pick picks[SENTENCES_MOST];
    int64_t most = mli_json_int(mli_json_get(mli_worker_config(e->w), "sentences"), SENTENCES);
    size_t count = 0;
    mli_buf text;
    most = most < 1 ? 1 : most > SENTENCES_MOST ? SENTENCES_MOST : most; /* picks[] has no more */
    modellab_status status =
        mli_digest_rank(e->digest, (size_t)most, &e->w->page->stop, picks, &count, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, e->w->alloc);
    for (size_t i = 0; i < count; i++) {
        mli_buf_append_text(&text, i > 0 ? " " : "");
        mli_buf_append_text(&text, mli_digest_sentence_at(e->digest, picks[i].sentence)->text);
    }
    mli_jw_kstring(e->json, "text", mli_buf_text(&text));
    status = mli_buf_status(&text, err);
    mli_buf_dispose(&text);
    mli_jw_key(e->json, "sentences");
    mli_jw_array(e->json);
    for (size_t i = 0; i < count; i++) {
        mli_jw_object(e->json);
        put_sentence(e->json, mli_digest_sentence_at(e->digest, picks[i].sentence));
        mli_jw_kreal(e->json, "score", picks[i].score);
        mli_jw_end_object(e->json);
    }
    mli_jw_end_array(e->json);
    return status;
}

/* "Budget, hiring, office": the terms that tell the chapter from the others. */
MODELLAB_MUST_CHECK static modellab_status put_title(const extract *e, const mli_digest_chapter *c,
                                                     modellab_error *err)
{
    mli_buf title;
    mli_buf_init(&title, e->w->alloc);
    for (size_t i = 0; i < TITLE_WORDS && c->keywords[i] != NULL; i++) {
        mli_buf_append_text(&title, i > 0 ? ", " : "");
        mli_buf_append_text(&title, c->keywords[i]);
    }
    if (title.size > 0 && title.data[0] >= 'a' && title.data[0] <= 'z') {
        title.data[0] = (char)(title.data[0] - 32);
    }
    mli_jw_kstring(e->json, "title", mli_buf_text(&title));
    modellab_status status = mli_buf_status(&title, err);
    mli_buf_dispose(&title);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status divide(const extract *e, modellab_error *err)
{
    mli_digest_chapter *chapters = NULL;
    size_t count = 0;
    double least =
        mli_json_number(mli_json_get(mli_worker_config(e->w), "min_seconds"), MIN_SECONDS);
    modellab_status status =
        mli_digest_chapters(e->digest, least, &e->w->page->stop, &chapters, &count, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_jw_key(e->json, "chapters");
    mli_jw_array(e->json);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const mli_digest_chapter *c = &chapters[i];
        mli_jw_object(e->json);
        mli_jw_kreal(e->json, "start", seconds(mli_digest_sentence_at(e->digest, c->first)->start));
        mli_jw_kreal(e->json, "end",
                     seconds(mli_digest_sentence_at(e->digest, c->first + c->count - 1)->end));
        status = put_title(e, c, err);
        mli_jw_key(e->json, "keywords");
        mli_jw_array(e->json);
        for (size_t k = 0; k < MLI_DIGEST_KEYWORDS && c->keywords[k] != NULL; k++) {
            mli_jw_string(e->json, c->keywords[k]);
        }
        mli_jw_end_array(e->json);
        mli_jw_end_object(e->json);
    }
    mli_jw_end_array(e->json);
    mli_free(mli_transcript_allocator(e->transcript), chapters);
    return status;
}

static void put_piece(mli_jw *json, const char *key, const char *text, size_t bytes)
{
    if (text != NULL) {
        mli_jw_key(json, key);
        mli_jw_string_n(json, text, bytes);
    }
}

MODELLAB_MUST_CHECK static modellab_status collect(const extract *e, modellab_error *err)
{
    size_t found = 0;
    bool english = e->transcript->language[0] == '\0' || strcmp(e->transcript->language, "en") == 0;
    if (!english) { /* the words that it goes by are English */
        mli_jw_kstring(e->json, "unsupported_language", e->transcript->language);
    }
    mli_jw_key(e->json, "items");
    mli_jw_array(e->json);
    for (size_t i = 0; english && i < mli_digest_sentence_count(e->digest) && found < ITEMS_MOST;
         i++) {
        const mli_digest_sentence *s = mli_digest_sentence_at(e->digest, i);
        mli_digest_action action;
        if (i % 64 == 0 && mli_cancelled(&e->w->page->stop)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped");
        }
        if (mli_digest_action_of(s->text, s->speaker, &action)) {
            found++;
            mli_jw_object(e->json);
            put_sentence(e->json, s);
            put_piece(e->json, "assignee", action.assignee, action.assignee_bytes);
            put_piece(e->json, "due", action.due, action.due_bytes);
            mli_jw_kstring(e->json, "cue", action.cue);
            mli_jw_end_object(e->json);
        }
    }
    mli_jw_end_array(e->json);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make(mli_worker *w, mli_transcript *transcript,
                                                mli_buf *out, modellab_error *err)
{
    mli_digest *digest = NULL;
    mli_jw json;
    modellab_status status = mli_digest_create(transcript, &w->page->stop, &digest, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const extract e = {.w = w, .transcript = transcript, .digest = digest, .json = &json};
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kstring(&json, "provider", mli_digest_embedded.name);
    status = strcmp(w->step, "summary") == 0    ? summarise(&e, err)
             : strcmp(w->step, "chapters") == 0 ? divide(&e, err)
                                                : collect(&e, err);
    mli_jw_end_object(&json);
    mli_digest_destroy(digest);
    return status;
}

const mli_digest_provider mli_digest_embedded = {"embedded", make};
