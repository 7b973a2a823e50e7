/* The whole program; the executable's main() only calls it. */
#ifndef HIN_MANAGER_MAIN_H
#define HIN_MANAGER_MAIN_H

int hin_manager_main(int argc, char **argv);

#endif
