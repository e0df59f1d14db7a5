% Threads of SWI-Prolog: workers, message queues, mutexes, signals and limits of time.
:- use_module(library(thread)).
:- use_module(library(time)).

fib(N, 1) :- N < 2, !.
fib(N, F) :- A is N - 1, B is N - 2, fib(A, X), fib(B, Y), F is X + Y.

later(N, F) :- M is N + 8, fib(M, F).

workers :-
	numlist(1, 8, Ns), concurrent_maplist(later, Ns, Fs), writeln(Fs),
	first_solution(X, [(sleep(1000), X = slow), X = quick], []), writeln(X).

queue :-
	message_queue_create(Q),
	thread_create(forall(between(1, 1000, I), thread_send_message(Q, I)), Id),
	findall(M, (between(1, 1000, _), thread_get_message(Q, M)), Ms),
	sum_list(Ms, Sum), thread_join(Id, Status), writeln(Sum-Status).

mutex :-
	mutex_create(Mutex),
	findall(Id, (between(1, 10, _),
		     thread_create(forall(between(1, 500, _), with_mutex(Mutex, flag(count, N, N + 1))), Id)), Ids),
	forall(member(Id, Ids), thread_join(Id)), flag(count, Count, Count), writeln(Count).

ends :-
	thread_create(sleep(1000), Id), thread_signal(Id, throw(stop)), thread_join(Id, Status), writeln(Status),
	catch(call_with_time_limit(0.1, (repeat, fail)), E, true), writeln(E).

main :- workers, queue, mutex, ends, garbage_collect, halt(4).
