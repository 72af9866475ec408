/* The JSON Schema of a run request (2020-12; the keywords that src/check knows). */
#include "lab/request.h"

/* In two parts: compilers need not take literals longer than 4095 bytes. */
#define PROPERTIES                                                                                 \
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","                               \
    "\"title\":\"Request of a run\",\"type\":\"object\",\"additionalProperties\":false,"           \
    "\"properties\":{"                                                                             \
    "\"schema_version\":{\"const\":1,\"description\":\"Version of this contract.\"},"              \
    "\"pipeline\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,"                          \
    "\"description\":\"Name of a built-in pipeline. Default: transcribe.\"},"                      \
    "\"steps\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":64,\"uniqueItems\":true,"           \
    "\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64},"                            \
    "\"description\":\"Steps instead of a pipeline; what they need is added.\"},"                  \
    "\"user\":{\"type\":\"string\",\"maxLength\":128},"                                            \
    "\"priority\":{\"anyOf\":[{\"enum\":[\"low\",\"normal\",\"high\",\"urgent\"]},"                \
    "{\"type\":\"integer\",\"minimum\":0,\"maximum\":30}],\"default\":\"normal\"},"                \
    "\"config\":{\"type\":\"object\",\"additionalProperties\":false,"                              \
    "\"properties\":{\"asr\":{\"$ref\":\"#/$defs/asr\"}}},"                                        \
    "\"max_duration_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":604800},"    \
    "\"max_step_seconds\":{\"anyOf\":[{\"$ref\":\"#/$defs/seconds\"},{\"type\":\"object\","        \
    "\"additionalProperties\":{\"$ref\":\"#/$defs/seconds\"}}],"                                   \
    "\"description\":\"Deadline of each step, or of steps by their names.\"},"                     \
    "\"stall_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":604800,"                     \
    "\"description\":\"Longest time without progress; 0 = any.\"},"                                \
    "\"cancel_grace_seconds\":{\"$ref\":\"#/$defs/grace\"},"                                       \
    "\"kill_grace_seconds\":{\"$ref\":\"#/$defs/grace\"},"                                         \
    "\"max_queue_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":2592000,"                \
    "\"description\":\"Longest wait in the queue; 0 = none. Default: as configured.\"},"           \
    "\"hold\":{\"type\":\"boolean\",\"default\":false,"                                            \
    "\"description\":\"Do not start it until it is released.\"},"                                  \
    "\"max_attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20,"                         \
    "\"description\":\"Short for retry.max_attempts.\"},"                                          \
    "\"require_sandbox\":{\"type\":\"boolean\",\"default\":false,"                                 \
    "\"description\":\"Fail rather than run in a worker that is not confined in full.\"},"         \
    "\"retry\":{\"$ref\":\"#/$defs/retry\"},"                                                      \
    "\"caps\":{\"$ref\":\"#/$defs/caps\"},"                                                        \
    "\"admission\":{\"enum\":[\"expected\",\"safe\"],\"default\":\"expected\","                    \
    "\"description\":\"Which figure of the estimate must have room under the caps: the expected "  \
    "one, or the upper bound.\"},"                                                                 \
    "\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\","               \
    "\"maxLength\":256},\"description\":\"Kept with the run, at most 64.\"},"                      \
    "\"idempotency_key\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":128,"                  \
    "\"description\":\"The same user's second request with this key gives the first run.\"}},"

#define DEFINITIONS                                                                                \
    "\"$defs\":{\"seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":604800},"      \
    "\"grace\":{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":3600},"                     \
    "\"asr\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                 \
    "\"model\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":96},"                            \
    "\"language\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32,\"default\":\"auto\"},"    \
    "\"task\":{\"enum\":[\"transcribe\",\"translate\"],\"default\":\"transcribe\"},"               \
    "\"beam_size\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"default\":1},"             \
    "\"best_of\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":16,\"default\":5},"               \
    "\"temperatures\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,"                         \
    "\"items\":{\"type\":\"number\",\"minimum\":0,\"maximum\":2},"                                 \
    "\"default\":[0,0.2,0.4,0.6,0.8,1]},"                                                          \
    "\"initial_prompt\":{\"type\":\"string\",\"maxLength\":4000},"                                 \
    "\"condition_on_previous\":{\"type\":\"boolean\",\"default\":true},"                           \
    "\"word_times\":{\"type\":\"boolean\",\"default\":false},"                                     \
    "\"threads\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1024,\"default\":0},"             \
    "\"weights\":{\"enum\":[\"f16\",\"f32\"],\"default\":\"f16\"},"                                \
    "\"formats\":{\"type\":\"array\",\"maxItems\":16,\"uniqueItems\":true,"                        \
    "\"items\":{\"enum\":[\"txt\",\"json\",\"verbose_json\",\"srt\",\"vtt\",\"tsv\",\"ctm\"]},"    \
    "\"default\":[]}}},"                                                                           \
    "\"retry\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"               \
    "\"max_attempts\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20,"                         \
    "\"description\":\"Tries in all.\"},"                                                          \
    "\"base_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":86400},"                      \
    "\"cap_seconds\":{\"type\":\"number\",\"minimum\":0,\"maximum\":86400},"                       \
    "\"on\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":16,\"uniqueItems\":true,"              \
    "\"items\":{\"enum\":[\"host_stopped\",\"run_timeout\",\"step_timeout\",\"stall_timeout\","    \
    "\"worker_died\",\"worker_not_started\",\"worker_lost\",\"oom\",\"no_space\",\"io_error\","    \
    "\"network_error\"]},\"description\":\"Reasons after which it is tried again.\"}}},"           \
    "\"caps\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"                \
    "\"cpu_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0},"                                \
    "\"wall_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0},"                               \
    "\"audio_seconds\":{\"type\":\"number\",\"exclusiveMinimum\":0},"                              \
    "\"peak_memory_bytes\":{\"type\":\"integer\",\"minimum\":1},"                                  \
    "\"api_calls\":{\"type\":\"integer\",\"minimum\":0},"                                          \
    "\"cost_micros\":{\"type\":\"integer\",\"minimum\":1}}}}}"

static const struct {
    char properties[sizeof(PROPERTIES) - 1]; /* no NUL: the second part follows */
    char definitions[sizeof(DEFINITIONS)];
} schema = {PROPERTIES, DEFINITIONS};

const char *mli_request_schema(void)
{
    return (const char *)&schema;
}
