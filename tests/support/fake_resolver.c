#include "support/fake_resolver.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/resolver.h"
#include "support/fake_network.h"

struct question {
	size_t name;
	uint16_t port;
	resolver_answer *answer;
	void *arg;
	int64_t due_ms;
};

static uint32_t names[FAKE_NAMES];
static struct question *questions[64];
static size_t n_questions;

void fake_resolver_start(void)
{
	memset(names, 0, sizeof(names));
	n_questions = 0;
}

void fake_set_name(size_t name, uint32_t places)
{
	names[name] = places;
	for (size_t i = 0; i < n_questions; i++)
		questions[i]->due_ms = fake_now_ms();
}

bool fake_resolver_answer_one(void)
{
	for (size_t i = 0; i < n_questions; i++) {
		struct question *question = questions[i];
		struct address_list list = { 0 };

		if (question->due_ms > fake_now_ms())
			continue;
		question->due_ms = fake_now_ms() + 60000;
		for (size_t place = 0; place < FAKE_PLACES; place++) {
			struct socket_address address;
			char host[32];

			snprintf(host, sizeof(host), "10.0.0.%zu", place);
			if ((names[question->name] >> place & 1) != 0 &&
			    address_of(host, question->port, &address))
				address_list_add(&list, &address.any, address.length);
		}
		question->answer(&list, question->arg);
		return true;
	}
	return false;
}

int resolver_new(struct event_base *base, struct socket_pool *pool, struct resolver **resolver_out)
{
	(void)base;
	(void)pool;
	*resolver_out = NULL;
	return 0;
}

void resolver_free(struct resolver *resolver)
{
	(void)resolver;
	ck_assert_uint_eq(n_questions, 0);
}

int resolver_ask(struct resolver *resolver, const struct address_text *address, uint32_t interval_s,
		 resolver_answer *answer, void *arg, struct question **question_out)
{
	struct question *question = calloc(1, sizeof(*question));

	(void)resolver;
	(void)interval_s;
	ck_assert_uint_lt(n_questions, ARRAY_LEN(questions));
	*question = (struct question){
		.name = (size_t)(address->host[1] - '0'),
		.port = address->port,
		.answer = answer,
		.arg = arg,
		.due_ms = fake_now_ms(),
	};
	questions[n_questions++] = question;
	*question_out = question;
	return 0;
}

void question_free(struct question *question)
{
	for (size_t i = 0; i < n_questions; i++) {
		if (questions[i] == question)
			questions[i] = questions[--n_questions];
	}
	free(question);
}

void question_set_interval(struct question *question, uint32_t interval_s)
{
	(void)question;
	(void)interval_s;
}

void question_hurry(struct question *question)
{
	int64_t soon_ms = fake_now_ms() + 2000;

	question->due_ms = soon_ms < question->due_ms ? soon_ms : question->due_ms;
}
