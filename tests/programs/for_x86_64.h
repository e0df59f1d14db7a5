/* for_x86_64.h - all of a program that is about x86-64, on another CPU: skipped. */
#include <stdio.h>

int main(void)
{
	puts("for x86-64");
	return 77;
}
