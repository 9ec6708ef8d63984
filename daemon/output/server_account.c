#include "output/server_account.h"

void server_account_error(struct server_account *account, int error)
{
	size_t i;

	account->last_error = error;
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
