/* The log of a run, and all lines of a request.   run_log FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_log_query query;
    modellab_record *record = NULL;
    modellab_buffer *page = NULL;
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_run_list *runs = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.request_id = "order-4711";
    must(modellab_record_begin(lab, &options, &record, &err), &err, "record");
    snprintf(run_id, sizeof run_id, "%s", modellab_record_run_id(record));
    must(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, &err), &err, "finish");
    modellab_record_destroy(record);

    modellab_log_query_init(&query, sizeof query); /* or MODELLAB_LOG_QUERY_INIT */
    query.level = MODELLAB_LOG_INFO;
    must(modellab_run_log_read(lab, run_id, &query, &page, &err), &err, "log of the run");
    puts(modellab_buffer_data(page));
    modellab_buffer_destroy(page);
    must(modellab_request_log_read(lab, "order-4711", NULL, &page, &err), &err, "of the request");
    puts(modellab_buffer_data(page));
    modellab_buffer_destroy(page);

    filter.request_id = "order-4711";
    filter.sort = "-ended";
    filter.limit = 1;
    must(modellab_run_list_load(lab, &filter, &runs, &err), &err, "list");
    printf("the next page begins at '%s'\n", modellab_run_list_cursor(runs));
    modellab_run_list_unref(runs);
    modellab_lab_unref(lab);
    return 0;
}
