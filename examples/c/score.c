/* Scores: the words of a text against a reference, two systems compared, and who spoke when. */
#include "example.h"
#include <string.h>

static modellab_score_document *document(const char *name, const char *text)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_score_document *d = NULL;
    must(modellab_score_document_read(name, text, strlen(text), NULL, &d, &err), &err, name);
    printf("%s is %s with %zu bytes of text\n", name, modellab_score_document_format(d),
           strlen(modellab_score_document_text(d)));
    return d;
}

static void words(void)
{
    static const char *const reference = "The cat sat on the mat.";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_score_options options = MODELLAB_SCORE_OPTIONS_INIT;
    modellab_score_difference difference = {.size = sizeof difference};
    modellab_score *a = NULL, *b = NULL;
    modellab_buffer *json = NULL;
    double wer = 0.0;

    modellab_score_options_init(&options, sizeof options);
    options.metric = modellab_score_metric_from_name("wer");
    options.normalizer = modellab_score_normalizer_from_name("simple");
    must(modellab_score_create(&options, &a, &err), &err, "score");
    must(modellab_score_create(&options, &b, &err), &err, "score");
    must(modellab_score_add_text(a, "one", reference, "the cat sat on a mat", &err), &err, "add");
    must(modellab_score_add_text(b, "one", reference, "a cat set on mat", &err), &err, "add");
    must(modellab_score_value(a, "wer", &wer, &err), &err, "value");
    printf("word error rate %.1f %%\n", 100.0 * wer);
    must(modellab_score_compare(a, b, &difference, &err), &err, "compare");
    printf("%.1f errors less, p = %.2f\n", -difference.difference, difference.p);
    must(modellab_score_to_json(a, &json, &err), &err, "json");
    printf("%.*s\n", (int)modellab_buffer_size(json), (const char *)modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    modellab_score_destroy(a);
    modellab_score_destroy(b);
}

static void turns(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_score_options options = MODELLAB_SCORE_OPTIONS_INIT;
    modellab_score_document *reference =
        document("ref.rttm", "SPEAKER a 1 0 5 <NA> <NA> ann <NA> <NA>\n"
                             "SPEAKER a 1 5 5 <NA> <NA> bob <NA> <NA>\n");
    modellab_score_document *hypothesis =
        document("hyp.rttm",
                 "SPEAKER a 1 0 6 <NA> <NA> 1 <NA> <NA>\nSPEAKER a 1 6 4 <NA> <NA> 2 <NA> <NA>\n");
    modellab_score *score = NULL;
    double der = 0.0;

    options.metric = MODELLAB_SCORE_DER;
    options.collar_seconds = 0.25;
    must(modellab_score_create(&options, &score, &err), &err, "score");
    must(modellab_score_add(score, "a", reference, hypothesis, NULL, &err), &err, "add");
    must(modellab_score_value(score, "der", &der, &err), &err, "value");
    printf("diarization error rate %.2f %%\n", 100.0 * der);
    modellab_score_destroy(score);
    modellab_score_document_destroy(reference);
    modellab_score_document_destroy(hypothesis);
}

int main(void)
{
    words();
    turns();
    return 0;
}
