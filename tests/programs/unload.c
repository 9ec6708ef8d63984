/*
 * unload LIBRARY: loads the library, uses it, closes it again and forks, many times over.
 *
 * Every second client is closed before its library goes; of the others nothing may be called any
 * more, and fork() must not call it either. Exits 0 when all went well.
 */
#include <dlfcn.h>
#include <logfwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES	   20
#define FLUSH_MS   30000
#define PATIENCE_S 60

static void must(bool good)
{
	if (!good)
		_exit(EXIT_FAILURE);
}

/* A function of the library; POSIX has it that a pointer to data can hold it. */
static void find(void *library, const char *name, void *function_out)
{
	void *found = dlsym(library, name);

	must(found != NULL);
	*(void **)function_out = found;
}

static void use(void *library, bool closes, int number)
{
	__typeof__(&logfwd_client_open) client_open;
	__typeof__(&logfwd_client_close) client_close;
	__typeof__(&logfwd_logger_open) logger_open;
	__typeof__(&logfwd_log) log_record;
	__typeof__(&logfwd_flush) flush;
	struct logfwd_client *client;
	struct logfwd_logger *logger;

	find(library, "logfwd_client_open", &client_open);
	find(library, "logfwd_client_close", &client_close);
	find(library, "logfwd_logger_open", &logger_open);
	find(library, "logfwd_log", &log_record);
	find(library, "logfwd_flush", &flush);
	must(client_open(&client, NULL) == 0);
	must(logger_open(client, "unload", &logger) == 0);
	must(log_record(logger, LOGFWD_INFO, "%d", number) == 0);
	must(flush(client, FLUSH_MS) == 0);
	if (closes)
		client_close(client);
}

int main(int argc, char **argv)
{
	must(argc == 2);
	alarm(PATIENCE_S);
	for (int i = 0; i < TIMES; i++) {
		void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		pid_t child;
		int status;

		must(library != NULL);
		use(library, i % 2 == 0, i);
		must(dlclose(library) == 0);
		must(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL); /* it has really gone */
		child = fork();
		must(child >= 0);
		if (child == 0)
			_exit(EXIT_SUCCESS);
		must(waitpid(child, &status, 0) == child && status == 0);
	}
	return EXIT_SUCCESS;
}
