#include "wire/context.h"

bool context_key_is_valid(struct span key)
{
	if (key.len == 0 || key.len > CONTEXT_KEY_MAX)
		return false;
	for (size_t i = 0; i < key.len; i++) {
		uint8_t byte = key.ptr[i];

		if (byte <= ' ' || byte > '~' || byte == '=' || byte == ']' || byte == '"')
			return false;
	}
	return true;
}
