/*
 * scoped_logger: logfwd from C++11 and newer; a lease ends with its scope, by exceptions too.
 *
 * c++ -o scoped_logger scoped_logger.cc $(pkg-config --cflags --libs logfwd)
 */
#include <logfwd.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

struct Closer {
	void operator()(logfwd_client *client) const
	{
		logfwd_client_close(client);
	}
	void operator()(logfwd_logger *logger) const
	{
		logfwd_logger_close(logger);
	}
};

using Client = std::unique_ptr<logfwd_client, Closer>;
using Logger = std::unique_ptr<logfwd_logger, Closer>;

static void check(int result, const char *what)
{
	if (result < 0)
		throw std::system_error(-result, std::generic_category(), what);
}

static Client open_client()
{
	logfwd_client *client = nullptr;

	check(logfwd_client_open(&client, nullptr), "logfwd client");
	return Client(client);
}

static Logger open_logger(const Client &client, const std::string &name)
{
	logfwd_logger *logger = nullptr;

	check(logfwd_logger_open(client.get(), name.c_str(), &logger), "logfwd logger");
	return Logger(logger);
}

static void serve(const Client &client, unsigned number)
{
	const Logger log = open_logger(client, "Connection." + std::to_string(number));

	check(logfwd_logger_set_context(log.get(), "number", std::to_string(number).c_str()),
	      "context");
	logfwd_log(log.get(), LOGFWD_INFO, "connection %u is open", number);
	if (number % 2 == 0)
		throw std::runtime_error("the lease ends here");
}

int main()
{
	try {
		const Client client = open_client();

		for (unsigned number = 1; number <= 4; number++) {
			try {
				serve(client, number);
			} catch (const std::runtime_error &error) {
				const Logger log = open_logger(client, "server");

				logfwd_log(log.get(), LOGFWD_ERROR, "%s", error.what());
			}
		}
		check(logfwd_flush(client.get(), 1000), "flush");
	} catch (const std::system_error &error) {
		std::cerr << "scoped_logger: " << error.what() << "\n";
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
