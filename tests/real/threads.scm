;;; Threads of Guile, which has Boehm's collector stop them by signals.
(use-modules (ice-9 threads) (ice-9 futures))

(define (show x) (display x) (newline))
(define mutex (make-mutex))
(define count 0)
(define (work)
  (do ((i 0 (+ i 1))) ((= i 1000))
    (with-mutex mutex (set! count (+ count 1)))))

(for-each join-thread (map (lambda (i) (call-with-new-thread work)) (iota 16)))
(show count)
(show (par-map (lambda (x) (* x x)) (iota 20)))

(define (fib n) (if (< n 2) 1 (+ (fib (- n 1)) (fib (- n 2)))))
(call-with-values (lambda () (parallel (fib 20) (fib 21) (fib 22))) (lambda all (show all)))

(define woken #f)
(define condition (make-condition-variable))
(define sleeper
  (call-with-new-thread
   (lambda ()
     (with-mutex mutex
       (while (not woken) (wait-condition-variable condition mutex))))))
(usleep 30000)
(with-mutex mutex (set! woken #t) (signal-condition-variable condition))
(join-thread sleeper)
(show "woken")

(define doomed (call-with-new-thread (lambda () (sleep 1000))))
(usleep 10000)
(cancel-thread doomed)
(join-thread doomed)
(show "cancelled")
(gc)
(show (status:exit-val (system "exit 3")))
(exit 4)
