/*
 * daemonize FILE: becomes a daemon as the old books have it, between one log call and the next.
 *
 * It closes every descriptor, and opens its data file under the very number that the library's
 * socket had: the child before it has logged, and the grandchild behind that. Both write "data\n" to
 * the file around every call. Each line that is logged ends with the pid of its process. Exits 0 when
 * all calls were good, in every process, and none has touched the file.
 */
#include <fcntl.h>
#include <logfwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_FD	   1024
#define WAIT_MS	   30000
#define PATIENCE_S 60

static struct logfwd_client *client;
static struct logfwd_logger *logger;

static void must(bool good)
{
	if (!good)
		_exit(EXIT_FAILURE);
}

/* The client's connection, the only socket that a program like this one has; -1: none. */
static int library_fd(void)
{
	for (int fd = 0; fd < MAX_FD; fd++) {
		struct sockaddr_un address;
		socklen_t length = sizeof(address);

		if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
			return fd;
	}
	return -1;
}

static void say(const char *what)
{
	must(logfwd_log(logger, LOGFWD_INFO, "%s %d", what, (int)getpid()) == 0);
}

/* Whatever is open, the library's too; then the data file is the only one, and has its number. */
static void close_all_and_open(const char *path, int number)
{
	int fd;

	for (fd = 0; fd < MAX_FD; fd++)
		close(fd);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	must(fd >= 0);
	if (fd != number) {
		must(dup2(fd, number) == number);
		close(fd);
	}
}

static void write_data(int number)
{
	must(write(number, "data\n", 5) == 5);
}

/* Logs while the file has the number, and finds the file as it was. */
static void log_beside(int number, const char *what)
{
	struct stat before, after;

	write_data(number);
	must(fstat(number, &before) == 0);
	say(what);
	must(logfwd_flush(client, WAIT_MS) == 0);
	must(fstat(number, &after) == 0);
	must(after.st_ino == before.st_ino && after.st_size == before.st_size);
	write_data(number);
}

static void live_as_child(const char *path, int number)
{
	pid_t grandchild;
	int status;

	alarm(PATIENCE_S);
	setsid();
	close_all_and_open(path, number);
	log_beside(number, "child");
	grandchild = fork();
	must(grandchild >= 0);
	if (grandchild > 0) {
		must(waitpid(grandchild, &status, 0) == grandchild && status == 0);
		_exit(EXIT_SUCCESS);
	}
	alarm(PATIENCE_S);
	say("grandchild");
	number = library_fd();
	must(number >= 0);
	close_all_and_open(path, number);
	log_beside(number, "grandchild again");
	logfwd_client_close(client);
	write_data(number); /* the client's end has not closed the file */
	_exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	int number, status;
	pid_t child;

	must(argc == 2);
	alarm(PATIENCE_S);
	must(logfwd_client_open(&client, NULL) == 0);
	must(logfwd_logger_open(client, "daemonize", &logger) == 0);
	say("parent");
	number = library_fd();
	must(number >= 0);
	child = fork();
	must(child >= 0);
	if (child == 0)
		live_as_child(argv[1], number);
	must(waitpid(child, &status, 0) == child && status == 0);
	say("parent again");
	must(logfwd_flush(client, WAIT_MS) == 0);
	logfwd_client_close(client);
	return EXIT_SUCCESS;
}
