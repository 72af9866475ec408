/* What the system's own file table can and others cannot: used where a table is the system's, with
 * a way for every table beside it. */
#ifndef MLI_OS_FILE_PRIVATE_H
#define MLI_OS_FILE_PRIVATE_H

/* A new file in `folder`, to read and write, that never has a name: fd or -errno; not every file
 * system can. */
__attribute__((warn_unused_result)) int mli_os_system_open_nameless(const char *folder);

#endif
