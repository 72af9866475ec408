/* Checkpoints as torch.save writes them. */
#include "unit/models/torch_writer.h"
#include <stdio.h>
#include <string.h>

static void number(mli_buf *b, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        mli_buf_append_char(b, (char)(i < 8 ? value >> 8 * i & 0xff : 0));
}

void torch_int(mli_buf *b, int64_t value)
{
    mli_buf_append_char(b, 'J');
    number(b, (uint64_t)value, 4);
}

void torch_text(mli_buf *b, const char *text)
{
    mli_buf_append_char(b, 'X');
    number(b, strlen(text), 4);
    mli_buf_append_text(b, text);
}

void torch_global(mli_buf *b, const char *module, const char *name)
{
    mli_buf_printf(b, "c%s\n%s\n", module, name);
}

static size_t elements_of(const torch_tensor *t)
{
    size_t n = 1;
    for (size_t i = 0; i < t->rank; i++)
        n *= t->dims[i];
    return n;
}

void torch_rebuild(mli_buf *b, const torch_tensor *t, const char *key, size_t elements,
                   int64_t stride)
{
    torch_global(b, "torch._utils", "_rebuild_tensor_v2");
    mli_buf_append_text(b, "((");
    torch_text(b, "storage");
    torch_global(b, "torch", "FloatStorage");
    torch_text(b, key);
    torch_text(b, "cuda:0");
    torch_int(b, (int64_t)elements);
    mli_buf_append_text(b, "NtQ"); /* the view of older files: None */
    torch_int(b, (int64_t)t->offset);
    mli_buf_append_char(b, '(');
    for (size_t i = 0; i < t->rank; i++)
        torch_int(b, (int64_t)t->dims[i]);
    mli_buf_append_text(b, "t(");
    for (size_t i = 0; i < t->rank; i++)
        torch_int(b, stride != 0 ? stride : i + 1 < t->rank ? (int64_t)t->dims[1] : 1);
    mli_buf_append_text(b, "t\x89");
    torch_global(b, "collections", "OrderedDict");
    mli_buf_append_text(b, ")RtR");
}

void torch_object(mli_buf *b, const torch_tensor *tensors, size_t count)
{
    mli_buf_append_text(b, "\x80\x02}q");
    mli_buf_append_char(b, 0);
    mli_buf_append_char(b, '(');
    torch_text(b, "step");
    torch_int(b, 7);
    torch_text(b, "model_state");
    torch_global(b, "collections", "OrderedDict");
    mli_buf_append_text(b, ")Rq\x01(");
    for (size_t i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%zu", i);
        torch_text(b, tensors[i].name);
        torch_rebuild(b, &tensors[i], key, tensors[i].offset + elements_of(&tensors[i]), 0);
    }
    mli_buf_append_text(b, "u}");
    torch_text(b, "_metadata");
    mli_buf_append_text(b, "}sbu.");
}

static void storage(mli_buf *b, const torch_tensor *t)
{
    number(b, 0, 4 * t->offset);
    mli_buf_append(b, t->values, elements_of(t) * sizeof *t->values);
}

void torch_stream(mli_buf *file, const mli_buf *object, const torch_tensor *tensors, size_t count)
{
    static const unsigned char head[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46, 0xf9,
                                         0x20, 0x6a, 0xa8, 0x50, 0x19, '.',  0x80, 2,    'M',
                                         0xe9, 0x03, '.',  0x80, 2,    '}',  '('};
    mli_buf_append(file, head, sizeof head);
    torch_text(file, "little_endian");
    mli_buf_append_text(file, "\x88u.");
    mli_buf_append(file, object->data, object->size);
    mli_buf_append_text(file, "\x80\x02](");
    for (size_t i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%zu", i);
        torch_text(file, key);
    }
    mli_buf_append_text(file, "e.");
    for (size_t i = 0; i < count; i++) {
        number(file, tensors[i].offset + elements_of(&tensors[i]), 8);
        storage(file, &tensors[i]);
    }
}

/* A member, and its entry of the directory. */
static void member(mli_buf *file, mli_buf *directory, const char *name, const mli_buf *data,
                   bool wide)
{
    size_t at = file->size, bytes = data->size;
    mli_buf_append(file, "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
    number(file, bytes, 4);
    number(file, bytes, 4);
    number(file, strlen(name), 2);
    number(file, 6, 2);
    mli_buf_append_text(file, name);
    mli_buf_append(file, "FB\2\0ZZ", 6); /* padding, as torch has it */
    mli_buf_append(file, data->data, bytes);
    mli_buf_append(directory, "PK\1\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    number(directory, wide ? UINT32_MAX : bytes, 4);
    number(directory, wide ? UINT32_MAX : bytes, 4);
    number(directory, strlen(name), 2);
    number(directory, wide ? 28 : 0, 2);
    number(directory, 0, 10);
    number(directory, wide ? UINT32_MAX : at, 4);
    mli_buf_append_text(directory, name);
    if (wide) {
        number(directory, 1, 2);
        number(directory, 24, 2);
        number(directory, bytes, 8);
        number(directory, bytes, 8);
        number(directory, at, 8);
    }
}

static void end(mli_buf *file, const mli_buf *directory, size_t members, bool wide)
{
    size_t at = file->size;
    mli_buf_append(file, directory->data, directory->size);
    if (wide) {
        size_t end64 = file->size;
        mli_buf_append(file, "PK\6\6", 4);
        number(file, 44, 8);
        number(file, 0, 12);
        number(file, members, 8);
        number(file, members, 8);
        number(file, directory->size, 8);
        number(file, at, 8);
        mli_buf_append(file, "PK\6\7\0\0\0\0", 8);
        number(file, end64, 8);
        number(file, 1, 4);
    }
    mli_buf_append(file, "PK\5\6\0\0\0\0", 8);
    number(file, members, 2);
    number(file, members, 2);
    number(file, wide ? UINT32_MAX : directory->size, 4);
    number(file, wide ? UINT32_MAX : at, 4);
    number(file, 0, 2);
}

void torch_zip(mli_buf *file, const mli_buf *object, const torch_tensor *tensors, size_t count,
               bool wide)
{
    mli_buf directory, data;
    mli_buf_init(&directory, NULL);
    mli_buf_init(&data, NULL);
    member(file, &directory, "archive/data.pkl", object, wide);
    mli_buf_append_text(&data, "little");
    member(file, &directory, "archive/byteorder", &data, wide);
    for (size_t i = 0; i < count; i++) {
        char name[48];
        (void)snprintf(name, sizeof name, "archive/data/%zu", i);
        mli_buf_clear(&data);
        storage(&data, &tensors[i]);
        member(file, &directory, name, &data, wide);
    }
    end(file, &directory, count + 2, wide);
    mli_buf_dispose(&directory);
    mli_buf_dispose(&data);
}
