#include "config/config_scan.h"

struct scanner {
	char *text;
	size_t length;
	size_t at; /* next byte */
	unsigned line;
	unsigned depth;	   /* of braces */
	unsigned sections; /* so far */
	unsigned begun;	   /* where the section or root option begins; 0: between two */
	uint32_t *opened;
	struct config_mistake *mistake;
};

/* Always false, for the caller to return. */
static bool refuse(struct scanner *scanner, unsigned line, const char *reason)
{
	*scanner->mistake = (struct config_mistake){ .line = line, .reason = reason };
	return false;
}

/* The byte so many behind the next one; NUL, which the text does not hold, behind its end. */
static char ahead(const struct scanner *scanner, size_t by)
{
	return by < scanner->length - scanner->at ? scanner->text[scanner->at + by] : '\0';
}

static bool at_pair(const struct scanner *scanner, const char pair[static 2])
{
	return ahead(scanner, 0) == pair[0] && ahead(scanner, 1) == pair[1];
}

/* Moves behind the next byte. */
static void step(struct scanner *scanner)
{
	if (scanner->text[scanner->at] == '\n')
		scanner->line++;
	scanner->at++;
}

/* As step(), leaving a space. */
static void blank(struct scanner *scanner)
{
	if (scanner->text[scanner->at] != '\n')
		scanner->text[scanner->at] = ' ';
	step(scanner);
}

/* Bytes that stand for nothing in a configuration, wherever they are. */
static bool check_bytes(struct scanner *scanner)
{
	if (scanner->length >= 3 && memcmp(scanner->text, "\xef\xbb\xbf", 3) == 0)
		return refuse(scanner, 1, "a byte order mark; save the file without it");
	for (size_t i = 0; i < scanner->length; i++) {
		char byte = scanner->text[i];

		if (byte == '\0')
			return refuse(scanner, scanner->line, "a NUL byte; this is no text file");
		if (byte == '\r' && (i + 1 == scanner->length || scanner->text[i + 1] != '\n'))
			return refuse(scanner, scanner->line, "a carriage return within a line");
		if (((uint8_t)byte < ' ' && strchr("\t\r\n", byte) == NULL) || byte == 0x7f)
			return refuse(scanner, scanner->line, "a control character");
		if (byte == '\n')
			scanner->line++;
	}
	scanner->line = 1;
	return true;
}

static void blank_line_comment(struct scanner *scanner)
{
	while (scanner->at < scanner->length && ahead(scanner, 0) != '\n')
		blank(scanner);
}

static bool blank_block_comment(struct scanner *scanner)
{
	unsigned line = scanner->line;

	blank(scanner);
	blank(scanner);
	while (!at_pair(scanner, "*/")) {
		if (scanner->at == scanner->length)
			return refuse(scanner, line,
				      "a comment that begins here is never closed: */ is missing");
		blank(scanner);
	}
	blank(scanner);
	blank(scanner);
	return true;
}

/* \ooo: lexer.l takes all digits that follow. A NUL would end the value there. */
static bool scan_octal_escape(struct scanner *scanner)
{
	unsigned value = 0;
	size_t digits = 0;
	bool octal = true;

	for (; ahead(scanner, 0) >= '0' && ahead(scanner, 0) <= '9'; step(scanner)) {
		octal = octal && ++digits <= 3 && ahead(scanner, 0) <= '7';
		value = octal ? value * 8 + (unsigned)(ahead(scanner, 0) - '0') : 0;
	}
	if (!octal || value < 1 || value > UINT8_MAX)
		return refuse(scanner, scanner->line, "a bad escape: \\ooo is octal, 1 to 377");
	return true;
}

static bool is_hex(char byte)
{
	return byte != '\0' && strchr("0123456789abcdefABCDEF", byte) != NULL;
}

/* What follows a backslash between double quotes; other letters than these cannot do harm. */
static bool scan_escape(struct scanner *scanner)
{
	char first = ahead(scanner, 0);

	if (first >= '0' && first <= '9')
		return scan_octal_escape(scanner);
	if (first == 'x' && ahead(scanner, 1) == '0' &&
	    (ahead(scanner, 2) == '0' || !is_hex(ahead(scanner, 2))))
		return refuse(scanner, scanner->line, "a bad escape: \\x00 is a NUL byte");
	if (scanner->at < scanner->length)
		step(scanner); /* the line feed of a continued line, too */
	return true;
}

static bool at_variable(const struct scanner *scanner)
{
	return at_pair(scanner, "${");
}

static const char variable[] = "\"${\" would be replaced from the environment, which is not done "
			       "here; write '${' in single quotes";

static bool scan_string(struct scanner *scanner)
{
	unsigned line = scanner->line;
	char quote = ahead(scanner, 0);

	step(scanner);
	while (scanner->at < scanner->length && ahead(scanner, 0) != '\n') {
		char byte = ahead(scanner, 0);

		if (quote == '"' && at_variable(scanner))
			return refuse(scanner, scanner->line, variable);
		step(scanner);
		if (byte == quote)
			return true;
		if (byte != '\\')
			continue;
		if (quote == '"' && !scan_escape(scanner))
			return false;
		if (quote == '\'' && scanner->at < scanner->length)
			step(scanner);
	}
	return refuse(scanner, line, "a string that begins here is not closed on its line");
}

/* A word without quotes; "//" is part of it, as in libconfuse, but "/" "*" begins a comment. */
static bool scan_word(struct scanner *scanner)
{
	while (scanner->at < scanner->length &&
	       strchr(" #\"'\t\r\n={}()+,*", ahead(scanner, 0)) == NULL &&
	       !at_pair(scanner, "/*")) {
		if (at_variable(scanner))
			return refuse(scanner, scanner->line, variable);
		step(scanner);
	}
	return true;
}

static bool scan_brace(struct scanner *scanner)
{
	if (ahead(scanner, 0) == '{') {
		if (scanner->depth++ == 0 && ++scanner->sections > CONFIG_SECTIONS_MAX)
			return refuse(scanner, scanner->line, "too many sections for one file");
	} else if (scanner->depth == 0) {
		return refuse(scanner, scanner->line, "a } that closes nothing");
	} else if (--scanner->depth == 0) {
		scanner->opened[scanner->line] = scanner->begun;
		scanner->begun = 0;
	}
	step(scanner);
	return true;
}

/* What is neither space nor comment. */
static bool scan_token(struct scanner *scanner)
{
	char byte = ahead(scanner, 0);

	if (scanner->begun == 0)
		scanner->begun = scanner->line;
	if (byte == '"' || byte == '\'')
		return scan_string(scanner);
	if (byte == '{' || byte == '}')
		return scan_brace(scanner);
	if (byte == '*' || (byte == '+' && ahead(scanner, 1) != '='))
		return refuse(scanner, scanner->line,
			      "a '*' or '+' without quotes would be left out; quote the value");
	if (strchr("=+,()", byte) == NULL)
		return scan_word(scanner);
	step(scanner);
	return true;
}

size_t config_scan_lines(struct span text)
{
	size_t lines = 1;

	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

bool config_scan(char *text, size_t length, uint32_t *opened_out,
		 struct config_mistake *mistake_out)
{
	struct scanner scanner = { .text = text,
				   .length = length,
				   .line = 1,
				   .opened = opened_out,
				   .mistake = mistake_out };
	bool good = check_bytes(&scanner);

	while (good && scanner.at < length) {
		if (strchr(" \t\r\n", ahead(&scanner, 0)) != NULL)
			step(&scanner);
		else if (ahead(&scanner, 0) == '#' || at_pair(&scanner, "//"))
			blank_line_comment(&scanner);
		else if (at_pair(&scanner, "/*"))
			good = blank_block_comment(&scanner);
		else
			good = scan_token(&scanner);
	}
	if (good && scanner.depth > 0)
		return refuse(&scanner, scanner.begun,
			      "what begins here is never closed: } is missing");
	return good;
}
