#include "app/command.h"

#include <unistd.h>

int main(int argc, char **argv) {
    return mc_command_main(argc, argv, environ);
}
