/* The columns of the table `runs`, once: the struct, the SQL and the copying follow this list. */
#ifndef MLI_STORE_COLUMNS_H
#define MLI_STORE_COLUMNS_H

#define MLI_RUN_TEXT_COLUMNS(X)                                                                    \
    X(id)                                                                                          \
    X(request_id)                                                                                  \
    X(trace_id)                                                                                    \
    X(span_id)                                                                                     \
    X(trace_parent)                                                                                \
    X(trace_state)                                                                                 \
    X(user)                                                                                        \
    X(pipeline)                                                                                    \
    X(steps)                                                                                       \
    X(input_name)                                                                                  \
    X(input_sha256)                                                                                \
    X(message)                                                                                     \
    X(failed_step)                                                                                 \
    X(model)                                                                                       \
    X(model_sha256)                                                                                \
    X(engine)                                                                                      \
    X(price_sheet)                                                                                 \
    X(price_json)                                                                                  \
    X(currency)                                                                                    \
    X(request_json)                                                                                \
    X(labels_json)                                                                                 \
    X(idempotency_key)                                                                             \
    X(parent_run_id)                                                                               \
    X(owner)                                                                                       \
    X(seal_json)                                                                                   \
    X(methods)                                                                                     \
    X(estimate_json)                                                                               \
    X(experiment_id)                                                                               \
    X(candidate)                                                                                   \
    X(sandbox)

#define MLI_RUN_INT32_COLUMNS(X)                                                                   \
    X(status)                                                                                      \
    X(reason)                                                                                      \
    X(priority)                                                                                    \
    X(attempt)                                                                                     \
    X(max_attempts)                                                                                \
    X(is_record)                                                                                   \
    X(imported)                                                                                    \
    X(deleting)                                                                                    \
    X(removed)                                                                                     \
    X(gate)                                                                                        \
    X(size_class)

#define MLI_RUN_INT64_COLUMNS(X)                                                                   \
    X(fence)                                                                                       \
    X(last_event)                                                                                  \
    X(journal_line)                                                                                \
    X(created_ms)                                                                                  \
    X(started_ms)                                                                                  \
    X(ended_ms)                                                                                    \
    X(not_before_ms)                                                                               \
    X(retry_delay_ms)                                                                              \
    X(cancel_requested_ms)                                                                         \
    X(input_bytes)                                                                                 \
    X(peak_memory_bytes)                                                                           \
    X(api_calls)                                                                                   \
    X(cost_micros)                                                                                 \
    X(reserved_cost_micros)                                                                        \
    X(estimated_cost_micros)                                                                       \
    X(max_duration_ms)                                                                             \
    X(queued_ms)                                                                                   \
    X(queue_wait_ms)                                                                               \
    X(wall_ms)                                                                                     \
    X(max_queue_ms)                                                                                \
    X(queue_until_ms)                                                                              \
    X(head_ms)                                                                                     \
    X(expected_ms)

#define MLI_RUN_REAL_COLUMNS(X)                                                                    \
    X(audio_seconds)                                                                               \
    X(progress_seconds)                                                                            \
    X(cpu_seconds)                                                                                 \
    X(gpu_seconds)                                                                                 \
    X(estimated_cpu_seconds)

#endif
