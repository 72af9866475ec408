/* Packed image of a voice in the cache: its weights as the kernels want them, and the graph that it
 * came from without what they were made of, which tells the shapes to the same reader. Made once,
 * mapped by every process; only of installed models, whose sha256 is known without reading. */
#ifndef MLI_SPEECH_VOICE_IMAGE_H
#define MLI_SPEECH_VOICE_IMAGE_H

#include "models/cache.h"
#include "models/model_files.h"
#include "speech/vits.h"

/* Finds the image of these files below `cache` or makes it (the weights are then read, and compared
 * with the seal), and binds the network to it; `image` stays open as long as the network is used.
 * One that is damaged or laid out otherwise is made anew, once; `reason` (256 bytes) says why.
 * E_NOT_FOUND: the model is of no kind that has one. On failure nothing is open. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_open(mli_cached_image *image, mli_vits **out,
                                                         const modellab_allocator *alloc,
                                                         mli_model_files *files, const char *cache,
                                                         const mli_cancel_word *cancel,
                                                         char *reason, modellab_error *err);
/* The same over an image that another process handed over as a descriptor (stays the caller's), and
 * whose content that process checked. E_INVALID_MODEL: it is not the image of these files. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_from_fd(mli_cached_image *image, mli_vits **out,
                                                            const modellab_allocator *alloc,
                                                            const mli_model_files *files, int fd,
                                                            const mli_cancel_word *cancel,
                                                            modellab_error *err);
/* Descriptor (new, open for reading) of the image of these files below `cache`; its content was
 * compared with its checksums. E_NOT_FOUND, E_INVALID_MODEL: there is none that can be used. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_find(const mli_model_files *files,
                                                         const modellab_allocator *alloc,
                                                         const char *cache, int *fd,
                                                         modellab_error *err);
/* Making that image in another process: the draft's descriptor goes to one that calls _make. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_begin(const mli_model_files *files,
                                                          const modellab_allocator *alloc,
                                                          const char *cache, mli_image_draft *out,
                                                          modellab_error *err);
/* Packs the voice into an empty file, synced. E_INVALID_MODEL: the weights are not those that were
 * installed. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_make(mli_model_files *files,
                                                         const modellab_allocator *alloc, int fd,
                                                         const mli_cancel_word *cancel,
                                                         modellab_error *err);
/* Loads the weights of opened files (and compares them with the seal) and packs them. */
MODELLAB_MUST_CHECK modellab_status mli_voice_pack(mli_vits **out, const modellab_allocator *alloc,
                                                   mli_model_files *files,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err);
/* Writes the image of a packed voice; `files` are still loaded. Finishes the writer. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_write(
    const modellab_allocator *alloc, const mli_model_files *files, const mli_vits *model,
    mli_image_writer *writer, const mli_cancel_word *cancel, modellab_error *err);
/* The network over an open image. */
MODELLAB_MUST_CHECK modellab_status mli_voice_image_bind(mli_vits **out,
                                                         const modellab_allocator *alloc,
                                                         const mli_image *image,
                                                         const mli_cancel_word *cancel,
                                                         modellab_error *err);

#endif
