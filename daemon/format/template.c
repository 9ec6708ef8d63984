#include "format/template.h"

#include <errno.h>

#include "format/escape.h"
#include "wire/level.h"

#define ERROR_NAME_MAX 48 /* bytes of a field's name that an error message repeats */

enum part_kind {
	PART_LITERAL,
	PART_MESSAGE,
	PART_LOGGER,
	PART_LEVEL,
	PART_APP,
	PART_PID,
	PART_UID,
	PART_HOST,
	PART_TIME,
	PART_CONTEXT,
	PART_CONTEXT_VALUE,
};

struct part {
	enum part_kind kind;
	struct span
		text; /* PART_LITERAL: its bytes; PART_CONTEXT_VALUE: the key; in template.text */
};

struct template
{
	char *text; /* as it was compiled; the parts point into it */
	size_t n_parts;
	struct part parts[];
};

static const struct {
	const char *name;
	enum part_kind kind;
} fields[] = {
	{ "message", PART_MESSAGE }, { "logger", PART_LOGGER }, { "level", PART_LEVEL },
	{ "app", PART_APP },	     { "pid", PART_PID },	{ "uid", PART_UID },
	{ "host", PART_HOST },	     { "time", PART_TIME },	{ "context", PART_CONTEXT },
};

/* A text on its way into a template. */
struct compilation {
	struct template *template;
	struct span rest; /* not yet read, in template.text */
	char *error;	  /* TEMPLATE_ERROR_BYTES */
};

static bool is_brace(uint8_t byte)
{
	return byte == '{' || byte == '}';
}

/* Says what is wrong at the place where rest begins; always returns -EINVAL. */
static int refuse(const struct compilation *compilation, const char *what, struct span name)
{
	struct writer error = writer_over(compilation->error, TEMPLATE_ERROR_BYTES - 1);
	const char *end = (const char *)compilation->rest.ptr;
	size_t character = 1;

	for (const char *at = compilation->template->text; at < end; at++)
		character += ((uint8_t)*at & 0xc0) != 0x80; /* of UTF-8, only first bytes */
	writer_text(&error, span_of(what));
	if (name.ptr != NULL) {
		writer_text(&error, span_of(" {"));
		escape_text_within(&error, name, ERROR_NAME_MAX);
		writer_u8(&error, '}');
	}
	writer_text(&error, span_of(" at character "));
	writer_decimal(&error, character);
	compilation->error[error.len] = '\0';
	return -EINVAL;
}

static void add_part(struct compilation *compilation, enum part_kind kind, struct span text)
{
	struct template *template = compilation->template;

	template->parts[template->n_parts++] = (struct part){ .kind = kind, .text = text };
}

static bool add_field(struct compilation *compilation, struct span name)
{
	struct span prefix = span_of("context.");

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (span_equal(name, span_of(fields[i].name))) {
			add_part(compilation, fields[i].kind, (struct span){ 0 });
			return true;
		}
	}
	if (!span_starts_with(name, prefix) || !context_key_is_valid(span_drop(name, prefix.len)))
		return false;
	add_part(compilation, PART_CONTEXT_VALUE, span_drop(name, prefix.len));
	return true;
}

/* Compiles what begins with the brace at the front of rest. */
static int take_brace(struct compilation *compilation)
{
	struct span rest = compilation->rest;
	size_t end = span_find(rest, '}');
	struct span name;

	if (rest.len > 1 && rest.ptr[1] == rest.ptr[0]) {
		add_part(compilation, PART_LITERAL, span_first(rest, 1));
		compilation->rest = span_drop(rest, 2);
		return 0;
	}
	if (rest.ptr[0] == '}')
		return refuse(compilation, "lone } (a brace is written }})", (struct span){ 0 });
	if (end == rest.len)
		return refuse(compilation, "unclosed {", (struct span){ 0 });
	name = span_drop(span_first(rest, end), 1);
	if (!add_field(compilation, name))
		return refuse(compilation, "unknown field", name);
	compilation->rest = span_drop(rest, end + 1);
	return 0;
}

static int compile(struct compilation *compilation)
{
	while (compilation->rest.len > 0) {
		struct span rest = compilation->rest;
		size_t literal = 0;
		int result;

		while (literal < rest.len && !is_brace(rest.ptr[literal]))
			literal++;
		if (literal > 0) {
			add_part(compilation, PART_LITERAL, span_first(rest, literal));
			compilation->rest = span_drop(rest, literal);
			continue;
		}
		result = take_brace(compilation);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Each brace ends one part at most and begins one. */
static size_t parts_at_most(struct span text)
{
	size_t parts = 1;

	for (size_t i = 0; i < text.len; i++)
		parts += is_brace(text.ptr[i]) ? 2 : 0;
	return parts;
}

int template_compile(const char *text, struct template **template_out,
		     char error_out[static TEMPLATE_ERROR_BYTES])
{
	CLEANUP(template_free)
	struct template *template =
		calloc(1, sizeof(*template) + parts_at_most(span_of(text)) * sizeof(struct part));
	struct compilation compilation = { .template = template, .error = error_out };
	int result;

	if (template == NULL)
		return -ENOMEM;
	template->text = strdup(text);
	if (template->text == NULL)
		return -ENOMEM;
	compilation.rest = span_of(template->text);
	result = compile(&compilation);
	if (result < 0)
		return result;
	*template_out = move_ptr(template);
	return 0;
}

void template_free(struct template *template)
{
	if (template == NULL)
		return;
	free(template->text);
	free(template);
}

/* A text on its way out of a template. */
struct rendering {
	const struct message *message;
	struct timestamp_cache *cache;
	struct writer *writer;
	size_t room; /* bytes that may still be written */
	bool whole;  /* nothing had to be cut; once something was, nothing follows */
};

static void put(struct rendering *rendering, struct span text)
{
	size_t before = rendering->writer->len;

	if (!rendering->whole)
		return;
	rendering->whole = escape_text_within(rendering->writer, text, rendering->room) == text.len;
	rendering->room -= rendering->writer->len - before;
}

static void put_decimal(struct rendering *rendering, uint64_t value)
{
	uint8_t digits[20];
	struct writer number = writer_over(digits, sizeof(digits));

	writer_decimal(&number, value);
	put(rendering, writer_span(&number));
}

static void put_time(struct rendering *rendering)
{
	uint8_t text[32];
	struct writer time = writer_over(text, sizeof(text));

	timestamp_write_rfc5424(rendering->cache, rendering->message->time_us, &time);
	put(rendering, writer_span(&time));
}

static void put_context(struct rendering *rendering)
{
	const struct message *message = rendering->message;

	for (size_t i = 0; i < message->n_context; i++) {
		if (i > 0)
			put(rendering, span_of(" "));
		put(rendering, message->context[i].key);
		put(rendering, span_of("="));
		put(rendering, message->context[i].value);
	}
}

static void put_context_value(struct rendering *rendering, struct span key)
{
	const struct message *message = rendering->message;

	for (size_t i = 0; i < message->n_context; i++) {
		if (span_equal(message->context[i].key, key)) {
			put(rendering, message->context[i].value);
			return;
		}
	}
}

static void put_part(struct rendering *rendering, const struct part *part)
{
	const struct message *message = rendering->message;

	switch (part->kind) {
	case PART_LITERAL:
		put(rendering, part->text);
		break;
	case PART_MESSAGE:
		put(rendering, message->text);
		break;
	case PART_LOGGER:
		put(rendering, message->logger.len > 0 ? message->logger : span_of("root"));
		break;
	case PART_LEVEL:
		put(rendering, span_of(level_name_above(message->level)));
		break;
	case PART_APP:
		put(rendering, message->app);
		break;
	case PART_PID:
		if (message->pid > 0)
			put_decimal(rendering, (uint64_t)message->pid);
		else
			put(rendering, span_of("-"));
		break;
	case PART_UID:
		put_decimal(rendering, message->uid);
		break;
	case PART_HOST:
		put(rendering, message->host);
		break;
	case PART_TIME:
		put_time(rendering);
		break;
	case PART_CONTEXT:
		put_context(rendering);
		break;
	case PART_CONTEXT_VALUE:
		put_context_value(rendering, part->text);
		break;
	}
}

bool template_render_within(const struct template *template, const struct message *message,
			    struct timestamp_cache *cache, struct writer *writer, size_t limit)
{
	struct rendering rendering = {
		.message = message, .cache = cache, .writer = writer, .room = limit, .whole = true
	};

	for (size_t i = 0; i < template->n_parts; i++)
		put_part(&rendering, &template->parts[i]);
	return rendering.whole;
}

void template_render(const struct template *template, const struct message *message,
		     struct timestamp_cache *cache, struct writer *writer)
{
	template_render_within(template, message, cache, writer, SIZE_MAX);
}
