--  Ada's tasks: protected objects, rendezvous, selects with delays, aborts and exceptions.
with Ada.Command_Line;
with Ada.Real_Time; use Ada.Real_Time;
with Ada.Text_IO; use Ada.Text_IO;

procedure Tasks is
   protected Place is
      entry Put (X : Integer);
      entry Get (X : out Integer);
   private
      Value : Integer;
      Full : Boolean := False;
   end Place;

   protected body Place is
      entry Put (X : Integer) when not Full is
      begin
         Value := X;
         Full := True;
      end Put;
      entry Get (X : out Integer) when Full is
      begin
         X := Value;
         Full := False;
      end Get;
   end Place;

   task type Producer (N : Integer);
   task body Producer is
   begin
      for I in 1 .. N loop
         Place.Put (I);
      end loop;
   end Producer;

   task Server is
      entry Add (X : Integer);
      entry Result (X : out Integer);
   end Server;
   task body Server is
      Sum : Integer := 0;
   begin
      loop
         select
            accept Add (X : Integer) do
               Sum := Sum + X;
            end Add;
         or
            accept Result (X : out Integer) do
               X := Sum;
            end Result;
         or
            terminate;
         end select;
      end loop;
   end Server;

   Sum, X : Integer := 0;
   Next : Time;

   function Deep (N : Integer) return Integer is (if N = -1 then 0 else 1 + Deep (N + 1));
begin
   declare
      A : Producer (1000);
      B : Producer (1000);
      C : Producer (500);
   begin
      for I in 1 .. 2500 loop
         Place.Get (X);
         Sum := Sum + X;
      end loop;
   end;
   Put_Line ("protected:" & Integer'Image (Sum));
   declare
      task type Client;
      task body Client is
      begin
         for I in 1 .. 100 loop
            Server.Add (I);
         end loop;
      end Client;
      Clients : array (1 .. 10) of Client;
   begin
      null;
   end;
   Server.Result (X);
   Put_Line ("rendezvous:" & Integer'Image (X));
   select
      Place.Get (X);
      Put_Line ("nobody has put anything");
   or
      delay 0.05;
      Put_Line ("timed out");
   end select;
   select
      delay 0.05;
      Put_Line ("triggered");
   then abort
      loop
         delay 0.001;
      end loop;
   end select;
   declare
      task Forever;
      task body Forever is
      begin
         delay 1000.0;
      end Forever;
   begin
      delay 0.02;
      abort Forever;
   end;
   Put_Line ("aborted");
   declare
      task Bad is
         entry Call;
      end Bad;
      task body Bad is
      begin
         accept Call do
            raise Constraint_Error;
         end Call;
      exception
         when Constraint_Error => Put_Line ("raised in the task");
      end Bad;
   begin
      Bad.Call;
   exception
      when Constraint_Error => Put_Line ("raised in its caller");
   end;
   begin
      X := Deep (0);
   exception
      when Storage_Error => Put_Line ("the stack ends");
   end;
   Next := Clock;
   for I in 1 .. 5 loop
      Next := Next + Milliseconds (5);
      delay until Next;
   end loop;
   Put_Line ("late enough: " & Boolean'Image (Clock >= Next));
   Ada.Command_Line.Set_Exit_Status (3);
end Tasks;
