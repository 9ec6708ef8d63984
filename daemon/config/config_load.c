#include "config/config.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>

#include "config/config_check.h"
#include "config/config_file.h"
#include "config/config_options.h"
#include "config/config_scan.h"
#include "format/escape.h"

/* A configuration with the memory that it points into. */
struct loaded {
	struct config config; /* first: what config_free() is given */
	struct arena arena;
	struct sections sections;
	char *error; /* the caller's, while it is loaded */
};

/* One file on its way through libconfuse. */
struct file {
	struct loaded *loaded;
	const char *path;
	char *text;	  /* owned; without comments after the scan */
	size_t length;	  /* bytes */
	uint32_t *opened; /* owned; see config_scan() */
	size_t lines;
	cfg_t *root; /* owned */
};

static void file_deinit_at(struct file *file)
{
	if (file->root != NULL)
		cfg_free(file->root); /* resets the lexer, too */
	free(file->opened);
	free(file->text);
}

/*
 * libconfuse gives its callbacks no pointer of ours. So a value is kept with its line in the
 * option, and an error in the comment of the section that it was found in: cfg_free() frees
 * both, and nothing outlives the parse.
 */
struct kept {
	unsigned line;
	char text[];
};

static void on_error(cfg_t *section, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));
static void on_error(cfg_t *section, const char *format, va_list args)
{
	if (section->comment == NULL && vasprintf(&section->comment, format, args) < 0)
		section->comment = NULL;
}

/* An option may also be written as a path, listen|client; then it is not one of its section. */
static bool is_option_of(cfg_t *section, const cfg_opt_t *option)
{
	for (unsigned i = 0; i < cfg_num(section); i++) {
		if (cfg_getnopt(section, i) == option)
			return true;
	}
	return false;
}

/* A pointer has no use for the number of its default: there is the line that set it first. */
static int keep_value(cfg_t *section, cfg_opt_t *option, const char *text, void *result)
{
	size_t size = strlen(text) + 1;
	struct kept *kept;

	if (!is_option_of(section, option)) {
		cfg_error(section, "option \"%s\" is written outside its section", option->name);
		return -1;
	}
	if (option->def.number != 0 && option->nvalues == 1) {
		cfg_error(section, "option \"%s\" is set twice, first in line %ld", option->name,
			  option->def.number);
		return -1;
	}
	if (!escape_is_clean(span_of(text))) {
		cfg_error(section, "option \"%s\": a control character, or no valid UTF-8",
			  option->name);
		return -1;
	}
	kept = malloc(sizeof(*kept) + size);
	if (kept == NULL)
		return -1;
	kept->line = (unsigned)section->line;
	memcpy(kept->text, text, size);
	option->def.number = option->def.number != 0 ? option->def.number : section->line;
	*(void **)result = kept;
	return 0;
}

/* libconfuse's own table of all options, without defaults: it copies it. */
static cfg_t *new_root(void)
{
	cfg_opt_t options[SECTION_KINDS][SECTION_OPTIONS_MAX + 1] = { 0 };
	cfg_opt_t sections[SECTION_KINDS + 1] = { 0 };
	cfg_t *root;

	for (enum section_kind kind = 0; kind < SECTION_KINDS; kind++) {
		const struct section_spec *spec = section_spec(kind);
		cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;

		for (size_t i = 0; i < spec->n_options; i++) {
			cfg_flag_t list = spec->options[i].list ? CFGF_LIST : CFGF_NONE;

			options[kind][i] =
				(cfg_opt_t)CFG_PTR_CB(spec->options[i].name, 0,
						      list | CFGF_NODEFAULT, keep_value, free);
		}
		sections[kind] = (cfg_opt_t)CFG_SEC(spec->name, options[kind],
						    spec->titled ? titled : CFGF_NONE);
	}
	root = cfg_init(sections, CFGF_NONE);
	if (root != NULL)
		cfg_set_error_function(root, on_error);
	return root;
}

/* Where a section begins that ends in a line. */
static struct place place_of(const struct file *file, int last_line)
{
	bool known = last_line > 0 && (size_t)last_line <= file->lines;

	return (struct place){ .file = file->path, .line = known ? file->opened[last_line] : 0 };
}

/* What libconfuse found wrong, in its words or better ones */

#define UNKNOWN	  "no such option "
#define DUPLICATE "found duplicate title "
#define NO_NAME	  "missing title for section "
#define COMMA	  "unexpected token ','"

static cfg_t *failed_section(cfg_t *root)
{
	if (root->comment != NULL)
		return root;
	for (unsigned kind = 0; kind < cfg_num(root); kind++) {
		cfg_opt_t *sections = cfg_getnopt(root, kind);

		for (unsigned i = 0; i < cfg_opt_size(sections); i++) {
			cfg_t *section = cfg_opt_getnsec(sections, i);

			if (section->comment != NULL)
				return section;
		}
	}
	return NULL;
}

/* What is written so in other configurations. */
static const char *remedy_of(const char *name)
{
	if (strcmp(name, "'include'") == 0)
		return " (put the file into the folder conf.d)";
	if (strcmp(name, "';'") == 0)
		return " (an option ends with its value)";
	return "";
}

/* "no such option 'x'", with what there is. */
static int refuse_unknown(const struct file *file, cfg_t *section, struct place place)
{
	const char *name = section->comment + strlen(UNKNOWN);
	const char *remedy = remedy_of(name);
	char known[CONFIG_ERROR_BYTES / 2] = "";
	struct writer writer = writer_over(known, sizeof(known) - 1);

	for (unsigned i = 0; i < cfg_num(section); i++) {
		writer_text(&writer, span_of(i == 0 ? "" : ", "));
		writer_text(&writer, span_of(cfg_opt_name(cfg_getnopt(section, i))));
	}
	if (section == file->root)
		return config_fail(file->loaded->error, place,
				   "unknown section %s%s; there are: %s", name, remedy, known);
	return config_fail(file->loaded->error, place, "unknown option %s%s; section %s has: %s",
			   name, remedy, cfg_name(section), known);
}

/* A section of that title and kind, given as "'TITLE'", or NULL. */
static cfg_t *find_section(cfg_opt_t *sections, const char *quoted)
{
	for (unsigned i = 0; i < cfg_opt_size(sections); i++) {
		cfg_t *section = cfg_opt_getnsec(sections, i);
		size_t length = cfg_title(section) == NULL ? 0 : strlen(cfg_title(section));

		if (cfg_title(section) != NULL &&
		    strncmp(quoted + 1, cfg_title(section), length) == 0 &&
		    strcmp(quoted + 1 + length, "'") == 0)
			return section;
	}
	return NULL;
}

/* "found duplicate title 'x'", with the first place; of which kind, libconfuse does not say. */
static int refuse_duplicate(const struct file *file, struct place place)
{
	const char *title = file->root->comment + strlen(DUPLICATE);
	const cfg_t *first = NULL;
	struct place first_place;
	size_t found = 0;

	for (unsigned kind = 0; kind < cfg_num(file->root); kind++) {
		cfg_t *section = find_section(cfg_getnopt(file->root, kind), title);

		first = section != NULL ? section : first;
		found += section != NULL;
	}
	if (found != 1)
		return config_fail(file->loaded->error, place, "duplicate name %s", title);
	first_place = place_of(file, first->line);
	return config_fail(file->loaded->error, place, "duplicate %s %s, already in %s:%u",
			   first->name, title, first_place.file, first_place.line);
}

static int explain(const struct file *file, int error)
{
	cfg_t *section = failed_section(file->root);
	struct place place = { .file = file->path };

	if (section == NULL && error == ENOMEM)
		return -ENOMEM;
	place.line = (unsigned)(section == NULL ? file->root->line : section->line);
	if (section == NULL) /* the one thing that libconfuse has no message for */
		return config_fail(file->loaded->error, place, "an option without a name");
	if (strncmp(section->comment, UNKNOWN, strlen(UNKNOWN)) == 0)
		return refuse_unknown(file, section, place);
	if (strncmp(section->comment, DUPLICATE, strlen(DUPLICATE)) == 0)
		return refuse_duplicate(file, place);
	if (strncmp(section->comment, NO_NAME, strlen(NO_NAME)) == 0)
		return config_fail(file->loaded->error, place,
				   "section %s has no name; write one before the brace",
				   section->comment + strlen(NO_NAME));
	return config_fail(file->loaded->error, place, "%s%s", section->comment,
			   strcmp(section->comment, COMMA) == 0 ? "; a list stands in braces" : "");
}

static int parse(struct file *file)
{
	FILE *stream = fmemopen(file->text, file->length, "r");
	int failed, error;

	file->root = new_root();
	if (stream == NULL || file->root == NULL) {
		if (stream != NULL)
			fclose(stream);
		return -ENOMEM;
	}
	errno = 0;
	failed = cfg_parse_fp(file->root, stream);
	error = errno;
	fclose(stream);
	return failed != CFG_SUCCESS ? explain(file, error) : 0;
}

/* From libconfuse's values to ours */

static int take_values(struct arena *arena, cfg_opt_t *option, struct setting *setting)
{
	size_t n = cfg_opt_size(option);
	struct value *values = arena_take(arena, n, sizeof(*values));

	if (values == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct kept *kept = cfg_opt_getnptr(option, (unsigned)i);

		values[i].line = kept->line;
		values[i].text = arena_copy(arena, span_of(kept->text));
		if (values[i].text == NULL)
			return -ENOMEM;
	}
	setting->values = values;
	setting->n_values = n;
	return 0;
}

static int take_settings(struct arena *arena, cfg_t *from, struct section *section)
{
	const struct section_spec *spec = section_spec(section->kind);
	struct setting *settings = arena_take(arena, spec->n_options, sizeof(*settings));

	if (settings == NULL)
		return -ENOMEM;
	section->settings = settings;
	for (size_t i = 0; i < spec->n_options; i++) {
		cfg_opt_t *option = cfg_getnopt(from, (unsigned)i);
		struct setting *setting = &settings[section->n_settings];

		if ((option->flags & CFGF_MODIFIED) == 0)
			continue;
		setting->option = &spec->options[i];
		section->n_settings++;
		if (take_values(arena, option, setting) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int take_section(const struct file *file, enum section_kind kind, cfg_t *from)
{
	struct sections *sections = &file->loaded->sections;
	struct arena *arena = &file->loaded->arena;
	struct section *section = arena_take(arena, 1, sizeof(*section));

	if (section == NULL)
		return -ENOMEM;
	section->kind = kind;
	section->place = place_of(file, from->line);
	if (cfg_title(from) != NULL) {
		if (!escape_is_clean(span_of(cfg_title(from))))
			return config_fail(file->loaded->error, section->place,
					   "a name with a control character, or no valid UTF-8");
		section->title = arena_copy(arena, span_of(cfg_title(from)));
		if (section->title == NULL)
			return -ENOMEM;
	}
	if (take_settings(arena, from, section) < 0)
		return -ENOMEM;
	*sections->end[kind] = section;
	sections->end[kind] = &section->next;
	sections->n[kind]++;
	return 0;
}

static int take_sections(const struct file *file)
{
	for (enum section_kind kind = 0; kind < SECTION_KINDS; kind++) {
		cfg_opt_t *sections = cfg_getnopt(file->root, kind);

		for (unsigned i = 0; i < cfg_opt_size(sections); i++) {
			int result = take_section(file, kind, cfg_opt_getnsec(sections, i));

			if (result < 0)
				return result;
		}
	}
	return 0;
}

static int load_file(struct loaded *loaded, const char *path)
{
	CLEANUP(file_deinit) struct file file = { .loaded = loaded, .path = path };
	struct config_mistake mistake;
	int result = config_file_read(path, &file.text, &file.length, loaded->error);

	if (result < 0)
		return result;
	file.text[file.length++] = ' '; /* fmemopen() and flex have nothing against one byte */
	file.lines = config_scan_lines(span_of_bytes(file.text, file.length));
	file.opened = calloc(file.lines + 1, sizeof(*file.opened));
	if (file.opened == NULL)
		return -ENOMEM;
	if (!config_scan(file.text, file.length, file.opened, &mistake))
		return config_fail(loaded->error, (struct place){ path, mistake.line }, "%s",
				   mistake.reason);
	result = parse(&file);
	return result < 0 ? result : take_sections(&file);
}

static int load(struct loaded *loaded, const char *path)
{
	const char *main_path = arena_copy(&loaded->arena, span_of(path));
	const char *const *paths;
	size_t n;
	int result = main_path == NULL ? -ENOMEM : load_file(loaded, main_path);

	if (result == 0)
		result = config_file_list(path, &loaded->arena, &paths, &n, loaded->error);
	for (size_t i = 0; result == 0 && i < n; i++)
		result = load_file(loaded, paths[i]);
	if (result < 0)
		return result;
	return config_check(&loaded->sections, main_path, &loaded->arena, &loaded->config,
			    loaded->error);
}

int config_load(const char *path, struct config **config_out,
		char error_out[static CONFIG_ERROR_BYTES])
{
	CLEANUP(config_free) struct config *config = NULL;
	struct loaded *loaded = calloc(1, sizeof(*loaded));
	int result = -ENOMEM;

	if (loaded != NULL) {
		config = &loaded->config;
		loaded->error = error_out;
		for (size_t kind = 0; kind < SECTION_KINDS; kind++)
			loaded->sections.end[kind] = &loaded->sections.first[kind];
		result = load(loaded, path);
	}
	if (result == -ENOMEM)
		config_fail(error_out, (struct place){ .file = path }, "out of memory");
	if (result < 0)
		return result;
	loaded->error = NULL;
	*config_out = move_ptr(config);
	return 0;
}

void config_free(struct config *config)
{
	struct loaded *loaded = (struct loaded *)config;

	if (loaded == NULL)
		return;
	for (size_t i = 0; i < config->n_handlers; i++)
		template_free(config->handlers[i].template);
	arena_deinit(&loaded->arena);
	free(loaded);
}
