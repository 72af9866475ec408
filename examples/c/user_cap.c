/* How much a user may use in a day.   user_cap FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_user_cap_list *list = NULL;
    modellab_lab *lab = NULL;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    must(modellab_user_cap_set(lab, "*", "cpu_seconds", "day", "2h", &err), &err, "everybody");
    must(modellab_user_cap_set(lab, "ann", "cpu_seconds", "day", "none", &err), &err, "ann");
    must(modellab_user_cap_set(lab, "ann", "cost", "month", "25.00", &err), &err, "ann's money");
    must(modellab_user_cap_list_load(lab, NULL, &list, &err), &err, "list");
    for (size_t i = 0; i < modellab_user_cap_list_count(list); i++) {
        modellab_user_cap cap = {.size = sizeof cap};
        must(modellab_user_cap_list_at(list, i, &cap, &err), &err, "cap");
        printf("%s: %g %s a %s, %g used, %g held\n", cap.user, cap.value, cap.measure, cap.period,
               cap.used, cap.held);
    }
    modellab_user_cap_list_unref(list);
    must(modellab_user_cap_remove(lab, "ann", "cpu_seconds", "day", &err), &err, "remove");
    modellab_lab_unref(lab);
    return 0;
}
