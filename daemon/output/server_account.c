#include "output/server_account.h"

void server_account_error(struct server_account *account, int error, int64_t now_ms)
{
	size_t i;

	account->last_error = error;
	account->last_error_ms = now_ms;
	for (i = 0; i < account->n_errors; i++) {
		if (account->errors[i].error == error)
			break;
	}
	if (i == SERVER_ERRNOS_MAX)
		i--; /* more kinds than anybody has seen: the last one stands for the rest */
	else if (i == account->n_errors)
		account->errors[account->n_errors++].error = error;
	account->errors[i].count++;
}

const struct server_account *server_account_later(const struct server_account *a,
						  const struct server_account *b)
{
	if (a == NULL || a->last_error == 0)
		return b;
	return b->last_error != 0 && b->last_error_ms >= a->last_error_ms ? b : a;
}
